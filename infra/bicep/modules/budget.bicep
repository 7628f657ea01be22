// Notifies when the resource group costs more per month than planned. It stops nothing: somebody has to
// (docs/operations.md#alert-budget).

param name string

@description('In the billing currency of the subscription.')
@minValue(1)
param amount int

@description('The first day of a month: for a new budget the current month or later, for an existing budget its own.')
param startDate string

@description('Receives the notifications. Not by the action group of the alerts, which does not exist yet.')
param operatorEmail string

resource budget 'Microsoft.Consumption/budgets@2026-06-01' = {
  name: name
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    notifications: {
      // Early enough to do something about it.
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: [operatorEmail]
      }
      spent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: [operatorEmail]
      }
    }
  }
}
