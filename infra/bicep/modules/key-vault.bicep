// For secrets. Each has its own readers: secret-readers.bicep

param name string
param location string
param tags { *: string }
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('Whether deleted vaults and secrets are kept for a week and cannot be purged. The name of a deleted vault stays taken as long.')
param purgeProtection bool

@description('The identities that read the owner key.')
param ownerKeyReaders string[]

// Random: 122 bits each. `newGuid` is allowed here only, and the values are part of no history of deployments.
@description('The first half of the owner key, if there is none yet.')
@secure()
param ownerKeyStart string = newGuid()

@description('The second half.')
@secure()
param ownerKeyEnd string = newGuid()

@description('The workspace of the logs.')
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    // Azure refuses `false`, because it cannot be disabled once enabled.
    enablePurgeProtection: purgeProtection ? true : null
    softDeleteRetentionInDays: 7
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
      bypass: 'None'
    }
  }
}

// The claims of customers have names that nobody can guess without it. It is made once, and never again: with another key,
// nobody's claim would be found, and a customer could register twice. Nobody has to see it.
@onlyIfNotExists()
resource ownerKey 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {
  parent: vault
  name: 'owner-key'
  properties: {
    value: '${ownerKeyStart}${ownerKeyEnd}'
    contentType: 'OWNER_KEY of the apps'
  }
}

module readers 'secret-readers.bicep' = {
  name: 'readers-of-owner-key'
  params: {
    vaultName: vault.name
    secretName: ownerKey.name
    readers: ownerKeyReaders
  }
}

// The newest version that can be deployed for any resource is a preview.
#disable-next-line use-recent-api-versions
resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'log'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

output id string = vault.id
output name string = vault.name

// An app that refers to it starts after it may read it.
output ownerKeyName string = readers.outputs.secretName
