// Tests from several locations whether the system is reachable, and alerts when two of them get no response.

param location string
param tags { *: string }

@description('Whether somebody relies on the environment. The tests cost money, and keep apps from scaling to zero.')
param enabled bool

@description('Application Insights, which stores the results.')
param componentId string
param actionGroupId string

@description('The start of the name of each test.')
param testPrefix string

@description('The start of the name of each alert.')
param alertPrefix string

@description('The end of every name.')
param resourceToken string

@description('What to call with GET; 200 is expected.')
param targets Target[]

type Target = {
  name: string
  url: string

  @description('Between two calls from one location.')
  seconds: 300 | 600 | 900
}

// East Asia, Southeast Asia and Japan East, from where a response must be fast too.
var locations = ['apac-hk-hkn-azr', 'apac-sg-sin-azr', 'apac-jp-kaw-edge']

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
      // Starting an app that has scaled to zero is not an outage.
      Timeout: 30
      RetryEnabled: true
      Locations: [for location in locations: { Id: location }]
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
      description: '${target.name} does not respond to two of three locations. What to do: docs/operations.md#alert-availability'
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
