// Application Insights, the identities that may send telemetry, and the recipient of alerts.

import { appRoles } from '../roles.bicep'

param workspaceName string
param componentName string
param actionGroupName string
param location string
param tags { *: string }

@description('Days to keep logs and traces.')
param retentionDays int

@description('Gigabytes per day, beyond which nothing is accepted; -1 for no cap.')
param dailyCapGb int

@description('The e-mail address that receives alerts.')
param operatorEmail string

@description('The identities that send telemetry.')
param publishers string[]

var monitoringMetricsPublisher = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  appRoles.monitoringMetricsPublisher
)

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    workspaceCapping: { dailyQuotaGb: dailyCapGb }
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
    DisableIpMasking: false
  }
}

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for name in publishers: {
    name: name
  }
]

resource publisherRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (publisher, index) in publishers: {
    name: guid(component.id, identities[index].id, monitoringMetricsPublisher)
    scope: component
    properties: {
      principalId: identities[index].properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: monitoringMetricsPublisher
    }
  }
]

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'ssak8'
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: operatorEmail
        useCommonAlertSchema: true
      }
    ]
  }
}

output workspaceId string = workspace.id
output workspaceName string = workspace.name
output componentId string = component.id
output componentName string = component.name
output actionGroupId string = actionGroup.id

@description('Not a secret: it names the component, and with local authentication disabled it grants no access.')
output connectionString string = component.properties.ConnectionString
