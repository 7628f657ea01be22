// What somebody has to know, and the paragraph of docs/operations.md that says what to do then.

param location string
param tags { *: string }

@description('Begins every name.')
param prefix string

@description('Ends every name.')
param resourceToken string

@description('Whether anybody counts on the environment being up: silence is told only then.')
param attended bool

param componentId string
param actionGroupId string
param cosmosDbId string
param serviceBusId string

type LogAlert = {
  @description('Also the anchor in docs/operations.md: alert-<name>.')
  name: string
  description: string

  @description('0 is the worst, 4 the least.')
  severity: 1 | 2 | 3

  @description('Any row that it gives is a reason to tell.')
  query: string

  @description('How far back it looks, in minutes.')
  minutes: 15 | 60

  @description('How far back it looks instead, ISO 8601: as long as that, what stands still is told of.')
  lookBack: 'PT6H'?
  enabled: bool
}

type MetricAlert = {
  name: string
  description: string
  severity: 1 | 2 | 3
  scope: string
  namespace: string
  metric: string
  aggregation: 'Average' | 'Count' | 'Maximum'
  above: int

  @description('ISO 8601.')
  window: 'PT5M' | 'PT15M'
  dimensions: { name: string, operator: 'Include', values: string[] }[]
}

// A refusal because of the caller (4xx) is no failure; a function without an address fails by raising.
// Of the calls only those are here whose trace was kept, each standing for itemCount: a few of them are no ratio yet.
//
// An age is told only when something has been done, so what stands still tells none. It is known by its cause: something
// was told that should have had a consequence, and of that nothing was told since. Every process tells once a minute, so a
// cause may seem up to a minute later than its consequence: two minutes make up for that, and for clocks that differ. A
// cause is looked at when its consequence had time to be told, and before those two minutes would reach out of the window.
var logAlerts LogAlert[] = [
  {
    name: 'failure-ratio'
    description: 'More than 5 % of at least 20 calls of an app failed, and at least three of them were seen.'
    severity: 1
    minutes: 15
    enabled: true
    query: '''
requests
| where cloud_RoleName in ("customer", "kakao", "customerview")
| extend failed = iff(isempty(url), success == false, toint(resultCode) >= 500)
| summarize calls = sum(itemCount), failures = sumif(itemCount, failed), seen = countif(failed) by cloud_RoleName
| where calls >= 20 and failures > 0.05 * calls and seen >= 3
'''
  }
  {
    name: 'p95'
    description: 'The slowest twentieth of an app\'s calls took longer than 2.5 s.'
    severity: 2
    minutes: 15
    enabled: true
    query: '''
requests
| where cloud_RoleName in ("customer", "kakao", "customerview") and isnotempty(url)
| summarize seen = count(), p95 = percentile(duration, 95) by cloud_RoleName
| where seen >= 20 and p95 > 2500
'''
  }
  {
    name: 'breaker-open'
    description: 'Registrations are refused, because kakao does not answer.'
    severity: 1
    minutes: 15
    enabled: true
    query: '''
customMetrics
| where name == "ssak8.breaker.state"
| extend circuit = tostring(customDimensions["circuit"])
| summarize state = max(value / max_of(valueCount, 1)) by circuit
| where state >= 2
'''
  }
  {
    name: 'oldest-message'
    description: 'An event was more than five minutes old when it was worked on, or nobody works on events.'
    severity: 2
    minutes: 15
    lookBack: 'PT6H'
    enabled: true
    query: '''
customMetrics
| where name in ("ssak8.outbox.age", "ssak8.view.age", "ssak8.cancellations", "ssak8.alert.age")
| summarize
    published = maxif(timestamp, name == "ssak8.outbox.age" and timestamp between (ago(358m) .. ago(7m))),
    viewed = maxif(timestamp, name == "ssak8.view.age"),
    canceled = maxif(timestamp, name == "ssak8.cancellations" and timestamp between (ago(358m) .. ago(7m))),
    alerted = maxif(timestamp, name == "ssak8.alert.age"),
    seconds = maxif(valueMax, name in ("ssak8.view.age", "ssak8.alert.age") and timestamp > ago(15m))
| where seconds > 300
    or published > coalesce(viewed, ago(360m)) + 2m
    or canceled > coalesce(alerted, ago(360m)) + 2m
'''
  }
  {
    name: 'outbox-age'
    description: 'Events are published more than a minute late, or not at all although customers have changed.'
    severity: 1
    minutes: 15
    lookBack: 'PT6H'
    enabled: true
    query: '''
customMetrics
| where name in ("ssak8.registrations", "ssak8.cancellations", "ssak8.outbox.age")
| summarize
    changed = maxif(timestamp, name != "ssak8.outbox.age" and timestamp between (ago(358m) .. ago(5m))),
    published = maxif(timestamp, name == "ssak8.outbox.age"),
    seconds = maxif(valueMax, name == "ssak8.outbox.age" and timestamp > ago(15m))
| where seconds > 60
    or changed > coalesce(published, ago(360m)) + 2m
'''
  }
  {
    name: 'no-traffic'
    description: 'Nobody registered or cancelled for an hour, or nothing is told of it.'
    severity: 3
    minutes: 60
    enabled: attended
    query: '''
customMetrics
| where name in ("ssak8.registrations", "ssak8.refusals", "ssak8.cancellations")
| summarize told = count()
| where told == 0
'''
  }
]

var metricAlerts MetricAlert[] = [
  {
    name: 'dead-letters'
    description: 'Service Bus has given up on a message.'
    severity: 2
    scope: serviceBusId
    namespace: 'Microsoft.ServiceBus/namespaces'
    metric: 'DeadletteredMessages'
    aggregation: 'Maximum'
    above: 0
    window: 'PT5M'
    dimensions: []
  }
  {
    name: 'active-messages'
    description: 'More than a thousand messages have been waiting for a quarter of an hour.'
    severity: 2
    scope: serviceBusId
    namespace: 'Microsoft.ServiceBus/namespaces'
    metric: 'ActiveMessages'
    aggregation: 'Average'
    above: 1000
    window: 'PT15M'
    dimensions: []
  }
  {
    name: 'database-throttling'
    description: 'Cosmos DB refused more than a hundred requests, because they ask for more than it was given (429).'
    severity: 2
    scope: cosmosDbId
    namespace: 'Microsoft.DocumentDB/databaseAccounts'
    metric: 'TotalRequests'
    aggregation: 'Count'
    above: 100
    window: 'PT5M'
    dimensions: [{ name: 'StatusCode', operator: 'Include', values: ['429'] }]
  }
]

resource logAlertRules 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for alert in logAlerts: {
    name: '${prefix}${alert.name}-${resourceToken}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'ssak8: ${replace(alert.name, '-', ' ')}'
      description: '${alert.description} What to do: docs/operations.md#alert-${alert.name}'
      severity: alert.severity
      enabled: alert.enabled
      scopes: [componentId]
      evaluationFrequency: 'PT5M'
      windowSize: alert.minutes == 15 ? 'PT15M' : 'PT1H'
      ...(alert.?lookBack == null ? {} : { overrideQueryTimeRange: alert.?lookBack })
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: { actionGroups: [actionGroupId] }
    }
  }
]

resource metricAlertRules 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for alert in metricAlerts: {
    name: '${prefix}${alert.name}-${resourceToken}'
    location: 'global'
    tags: tags
    properties: {
      description: '${alert.description} What to do: docs/operations.md#alert-${alert.name}'
      severity: alert.severity
      enabled: true
      scopes: [alert.scope]
      evaluationFrequency: 'PT5M'
      windowSize: alert.window
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: alert.metric
            metricNamespace: alert.namespace
            metricName: alert.metric
            dimensions: alert.dimensions
            timeAggregation: alert.aggregation
            operator: 'GreaterThan'
            threshold: alert.above
          }
        ]
      }
      actions: [{ actionGroupId: actionGroupId }]
    }
  }
]
