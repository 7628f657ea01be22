// The roles of a developer in an environment for trying things out: to run an app on a laptop against its resources, and
// to look at what they hold.

import { appRoles, developerRoles } from '../roles.bicep'

param principalId string
param principalType 'User' | 'Group' | 'ServicePrincipal'
param cosmosAccountName string
param serviceBusName string
param keyVaultName string
param componentName string
param storageNames string[]

resource account 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' existing = {
  name: cosmosAccountName

  resource dataContributor 'sqlRoleDefinitions' existing = {
    name: '00000000-0000-0000-0000-000000000002'
  }
}

resource serviceBus 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = {
  name: serviceBusName
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: keyVaultName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = [
  for name in storageNames: {
    name: name
  }
]

resource documents 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = {
  parent: account
  name: guid(account.id, principalId, 'developer')
  properties: {
    principalId: principalId
    roleDefinitionId: account::dataContributor.id
    scope: account.id
  }
}

resource messages 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(serviceBus.id, principalId, developerRoles.serviceBusDataOwner)
  scope: serviceBus
  properties: {
    principalId: principalId
    principalType: principalType
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      developerRoles.serviceBusDataOwner
    )
  }
}

resource secrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, developerRoles.keyVaultSecretsOfficer)
  scope: vault
  properties: {
    principalId: principalId
    principalType: principalType
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      developerRoles.keyVaultSecretsOfficer
    )
  }
}

resource telemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, principalId, appRoles.monitoringMetricsPublisher)
  scope: component
  properties: {
    principalId: principalId
    principalType: principalType
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      appRoles.monitoringMetricsPublisher
    )
  }
}

resource blobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (name, index) in storageNames: {
    name: guid(storage[index].id, principalId, appRoles.storageBlobDataOwner)
    scope: storage[index]
    properties: {
      principalId: principalId
      principalType: principalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', appRoles.storageBlobDataOwner)
    }
  }
]
