// The storage of a function app: its package, locks and checkpoints. One account per app, so that no app can change
// another's package.

import { appRoles } from '../roles.bicep'

param name string
param location string
param tags { *: string }
param zoneRedundant bool
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('The identity that owns all blobs.')
param owner string

@description('The workspace of the logs.')
param workspaceId string

@description('Whether every request is logged.')
param audited bool

var blobDataOwner = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', appRoles.storageBlobDataOwner)

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
      bypass: 'None'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      // A package that was overwritten or deleted by mistake can be restored.
      deleteRetentionPolicy: { enabled: true, days: 7 }
      containerDeleteRetentionPolicy: { enabled: true, days: 7 }
    }

    resource packages 'containers' = {
      name: 'packages'
      properties: { publicAccess: 'None' }
    }
  }
}

resource ownerIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: owner
}

// The host creates its own containers (locks, checkpoints), so the scope is the account, which nobody else uses.
resource ownerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, ownerIdentity.id, blobDataOwner)
  scope: account
  properties: {
    principalId: ownerIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: blobDataOwner
  }
}

// The newest version that can be deployed for any resource is a preview.
#disable-next-line use-recent-api-versions
resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (audited) {
  name: 'log'
  scope: account::blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      for category in ['StorageRead', 'StorageWrite', 'StorageDelete']: {
        category: category
        enabled: true
      }
    ]
  }
}

output id string = account.id
output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output packagesUrl string = '${account.properties.primaryEndpoints.blob}${account::blobs::packages.name}'
