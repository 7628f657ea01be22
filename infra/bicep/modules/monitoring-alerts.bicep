// The alerts. Each links to the paragraph of docs/operations.md that says what to do.

param location string
param tags { *: string }

@description('The start of every name.')
param prefix string

@description('The end of every name.')
param resourceToken string

@description('Whether somebody relies on the environment: only then is silence reported.')
param attended bool

param componentId string
param actionGroupId string
param cosmosDbId string
param serviceBusId string

type LogAlert = {
  @description('Also the anchor in docs/operations.md: alert-<name>.')
  name: string
  description: string

  @description('0 is the most severe, 4 the least.')
  severity: 1 | 2 | 3

  @description('The alert fires if it returns any row.')
  query: string

  @description('The minutes it looks back.')
  minutes: 15 | 60

  @description('How far it looks back instead (ISO 8601): what stands still is reported for this long.')
  lookBack: 'PT6H' | 'P1D'?
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
  dimensions: { name: string, operator: 'Exclude' | 'Include', values: string[] }[]
}

// A refusal because of the caller (4xx) is not a failure; a function without a URL fails by raising. `requests` holds
// only sampled calls, each of which stands for itemCount calls: a few are not enough for a ratio.
//
// An age is measured only when something is done, so a function that stands still reports none. What shows it is a
// metric of its cause that is not followed by a metric of the consequence. Every process exports once a minute, so a
// cause may appear up to a minute later than its consequence: two minutes allow for that, and for clocks that differ. A
// cause counts once its consequence had time to be exported, and while those two minutes are within the window.
var logAlerts LogAlert[] = [
  {
    name: 'failure-ratio'
    description: 'More than 5 % of at least 20 calls of an app failed, and at least three failures were sampled.'
    severity: 1
    minutes: 15
    enabled: true
    query: '''
requests
| where cloud_RoleName in ("customer", "kakao", "customerview", "web")
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
| where cloud_RoleName in ("customer", "kakao", "customerview", "web") and isnotempty(url)
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
    name: 'registrations-waiting'
    description: 'The oldest postponed registration has waited for more than half an hour.'
    severity: 2
    minutes: 15
    enabled: true
    query: '''
customMetrics
| where name == "ssak8.registration.oldest"
| summarize seconds = max(valueMax)
| where seconds > 1800
'''
  }
  {
    name: 'registrations-expired'
    description: 'Postponed registrations were given up, because kakao could not be asked in time.'
    severity: 2
    minutes: 15
    enabled: true
    query: '''
customMetrics
| where name == "ssak8.registrations.ended"
| extend status = tostring(customDimensions["status"])
| summarize expired = sumif(value, status == "expired")
| where expired > 0
'''
  }
  {
    // Whoever runs it reports the oldest that waits, also if nobody does.
    name: 'register-deferred'
    description: 'Postponed registrations are not tried: the function has reported nothing for a quarter of an hour.'
    severity: 2
    minutes: 15
    enabled: attended
    query: '''
customMetrics
| where name == "ssak8.registration.oldest"
| summarize reported = count()
| where reported == 0
'''
  }
  {
    name: 'oldest-message'
    description: 'An event was more than five minutes old when it was handled, or events are not handled at all.'
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
    description: 'Events are published more than a minute late, or not at all although customers registered or cancelled.'
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
    // Only what an app refuses: what the platform in front of it refuses reaches no function.
    name: 'refused-tokens'
    description: 'More than a tenth of at least 50 calls of an app had no valid token (401), and at least three were sampled.'
    severity: 2
    minutes: 15
    enabled: true
    query: '''
requests
| where cloud_RoleName in ("customer", "kakao", "customerview", "web") and isnotempty(url)
| summarize calls = sum(itemCount), refused = sumif(itemCount, resultCode == "401"), seen = countif(resultCode == "401") by cloud_RoleName
| where calls >= 50 and refused > 0.1 * calls and seen >= 3
'''
  }
  {
    // People who change their mind are refused, too, and so is whoever only tries the address. So it counts that nobody gets in.
    name: 'sign-ins'
    description: 'People cannot sign in to my page: Kakao or Entra ID does not answer, or at least ten were refused and nobody got in.'
    severity: 1
    minutes: 15
    enabled: true
    query: '''
customMetrics
| where name == "ssak8.sign_ins"
| extend issuer = tostring(customDimensions["issuer"]), outcome = tostring(customDimensions["outcome"])
| summarize entered = sumif(value, outcome == "signed-in"), refused = sumif(value, outcome == "refused"), unavailable = sumif(value, outcome == "unavailable") by issuer
| where unavailable >= 3 or (refused >= 10 and entered == 0)
'''
  }
  {
    name: 'expired-messages'
    description: 'Messages expired before they were handled, and were removed, because the law says so.'
    severity: 2
    minutes: 15
    enabled: true
    query: '''
customMetrics
| where name == "ssak8.expired"
| summarize removed = sum(value)
| where removed > 0
'''
  }
  {
    // Their runs, of which one in ten is sampled: every five minutes, so a day without any is no accident.
    name: 'forgetting'
    description: 'For a day nobody has made sure that those who cancelled are forgotten. The law gives five.'
    severity: 2
    minutes: 60
    lookBack: 'P1D'
    enabled: attended
    query: '''
requests
| where operation_Name in ("forget-claims", "forget-messages", "forget-views") and success == true
| summarize functions = dcount(operation_Name)
| where functions < 3
'''
  }
  {
    name: 'no-traffic'
    description: 'Nobody registered, was postponed or cancelled for an hour, or telemetry is missing.'
    severity: 3
    minutes: 60
    enabled: attended
    query: '''
customMetrics
| where name in ("ssak8.registrations", "ssak8.registrations.postponed", "ssak8.refusals", "ssak8.cancellations")
| summarize exported = count()
| where exported == 0
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
    name: 'set-aside'
    description: 'A message could not be handled, and was put aside.'
    severity: 2
    scope: serviceBusId
    namespace: 'Microsoft.ServiceBus/namespaces'
    metric: 'ActiveMessages'
    aggregation: 'Maximum'
    above: 0
    window: 'PT5M'
    dimensions: [{ name: 'EntityName', operator: 'Include', values: ['events-set-aside'] }]
  }
  {
    name: 'active-messages'
    description: 'More than a thousand messages of the topic, or of a queue, have been waiting for a quarter of an hour.'
    severity: 2
    scope: serviceBusId
    namespace: 'Microsoft.ServiceBus/namespaces'
    metric: 'ActiveMessages'
    aggregation: 'Average'
    above: 1000
    window: 'PT15M'
    // While kakao is down, postponed registrations wait there on purpose: the alert registrations-waiting.
    dimensions: [{ name: 'EntityName', operator: 'Exclude', values: ['registrations-postponed'] }]
  }
  {
    name: 'database-throttling'
    description: 'Cosmos DB refused more than a hundred requests, because they exceed its throughput (429).'
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
      // A new component has no tables yet, and the service would refuse queries for them.
      skipQueryValidation: true
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
