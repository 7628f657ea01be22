// What the resource group may cost a month before somebody is told. It stops nothing: maximumInstanceCount does.

param name string

@description('In the currency that the subscription is billed in.')
@minValue(1)
param amount int

@description('The first day of a month: for a new budget the current one or later, for one that exists the same as ever.')
param startDate string

param actionGroupId string

resource budget 'Microsoft.Consumption/budgets@2026-06-01' = {
  name: name
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    notifications: {
      // Soon enough to do something about it.
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: []
        contactGroups: [actionGroupId]
      }
      spent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: []
        contactGroups: [actionGroupId]
      }
    }
  }
}
