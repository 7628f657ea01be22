// Whether the system can be reached from outside: asked from several places, and told when two of them get no answer.

param location string
param tags { *: string }

@description('Whether anybody counts on the environment being up; asking costs, and keeps apps from going to sleep.')
param enabled bool

@description('Application Insights, which keeps the results.')
param componentId string
param actionGroupId string

@description('Begins the name of each test.')
param testPrefix string

@description('Begins the name of each alert.')
param alertPrefix string

@description('Ends every name.')
param resourceToken string

@description('What is asked: GET, and 200 is right.')
param targets Target[]

type Target = {
  name: string
  url: string

  @description('Between two questions from one place.')
  seconds: 300 | 600 | 900
}

// East Asia, Southeast Asia and Japan East: an answer has to be fast from there too.
var places = ['apac-hk-hkn-azr', 'apac-sg-sin-azr', 'apac-jp-kaw-edge']

resource tests 'Microsoft.Insights/webtests@2022-06-15' = [
  for target in targets: {
    name: '${testPrefix}${target.name}-${resourceToken}'
    location: location
    // The link is how the portal finds the test.
    tags: union(tags, { 'hidden-link:${componentId}': 'Resource' })
    kind: 'standard'
    properties: {
      SyntheticMonitorId: '${testPrefix}${target.name}-${resourceToken}'
      Name: target.name
      Description: 'GET ${target.url} answers 200.'
      Enabled: enabled
      Kind: 'standard'
      Frequency: target.seconds
      // A start of an app that has gone to sleep is not an outage.
      Timeout: 30
      RetryEnabled: true
      Locations: [for place in places: { Id: place }]
      Request: {
        RequestUrl: target.url
        HttpVerb: 'GET'
        FollowRedirects: false
        ParseDependentRequests: false
      }
      ValidationRules: {
        ExpectedHttpStatusCode: 200
        SSLCheck: true
        SSLCertRemainingLifetimeCheck: 7
      }
    }
  }
]

resource alerts 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for (target, index) in targets: {
    name: '${alertPrefix}availability-${target.name}-${resourceToken}'
    location: 'global'
    tags: union(tags, {
      'hidden-link:${componentId}': 'Resource'
      'hidden-link:${tests[index].id}': 'Resource'
    })
    properties: {
      description: '${target.name} does not answer in two of three places. What to do: docs/operations.md#alert-availability'
      severity: 1
      enabled: enabled
      scopes: [tests[index].id, componentId]
      evaluationFrequency: 'PT5M'
      windowSize: target.seconds == 300 ? 'PT5M' : 'PT30M'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
        webTestId: tests[index].id
        componentId: componentId
        failedLocationCount: 2
      }
      actions: [{ actionGroupId: actionGroupId }]
    }
  }
]
