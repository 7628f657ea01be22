// For secrets. Each has its own readers: secret-readers.bicep

param name string
param location string
param tags { *: string }
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('Whether deleted vaults and secrets are kept for a week and cannot be purged. The name of a deleted vault stays taken as long.')
param purgeProtection bool

@description('The identity that reads the certificate of the domain, if there is one.')
param certificateReader string?

@description('The identities that read the owner key.')
param ownerKeyReaders string[]

@description('The only identity that reads the secrets of my page: the private key of sessions, the cookie key, and the client secret at Kakao.')
param webReader string

// Random: 122 bits each. `newGuid` is allowed here only, and the values are part of no history of deployments.
@description('The first half of the owner key, if there is none yet.')
@secure()
param ownerKeyStart string = newGuid()

@description('The second half.')
@secure()
param ownerKeyEnd string = newGuid()

@description('The first half of the cookie key, if there is none yet.')
@secure()
param cookieKeyStart string = newGuid()

@description('The second half.')
@secure()
param cookieKeyEnd string = newGuid()

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

// What my page seals in cookies: docs/operations.md#a-new-cookie-key
@onlyIfNotExists()
resource cookieKey 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {
  parent: vault
  name: 'cookie-key'
  properties: {
    value: '${cookieKeyStart}${cookieKeyEnd}'
    contentType: 'COOKIE_KEY of my page'
  }
  dependsOn: [ownerKey]
}

// Only people have these two. A role on a secret needs the secret; so there is one that is disabled, which no app can
// read, until somebody adds a version: docs/operations.md#secrets
@onlyIfNotExists()
resource sessionPrivateKey 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {
  parent: vault
  name: 'session-private-key'
  properties: {
    value: 'Not set yet.'
    contentType: 'SESSION_PRIVATE_KEY of my page'
    attributes: { enabled: false }
  }
  dependsOn: [cookieKey]
}

@onlyIfNotExists()
resource kakaoLoginClientSecret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {
  parent: vault
  name: 'kakao-login-client-secret'
  properties: {
    value: 'Not set yet.'
    contentType: 'KAKAO_LOGIN_CLIENT_SECRET of my page'
    attributes: { enabled: false }
  }
  dependsOn: [sessionPrivateKey]
}

module readers 'secret-readers.bicep' = {
  name: 'readers-of-owner-key'
  params: {
    vaultName: vault.name
    secretName: ownerKey.name
    readers: ownerKeyReaders
  }
}

@batchSize(1)
module webReaders 'secret-readers.bicep' = [
  for secretName in [cookieKey.name, sessionPrivateKey.name, kakaoLoginClientSecret.name]: {
    name: 'readers-of-${secretName}'
    params: {
      vaultName: vault.name
      secretName: secretName
      readers: [webReader]
    }
  }
]

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

// Somebody has put it there, or the deployment fails here: docs/custom-domain.md
module certificateReaders 'secret-readers.bicep' = if (certificateReader != null) {
  name: 'readers-of-custom-domain'
  params: {
    vaultName: vault.name
    secretName: 'custom-domain'
    readers: [certificateReader!]
  }
}

output id string = vault.id
output name string = vault.name

// An app that refers to it starts after it may read it.
output ownerKeyName string = readers.outputs.secretName
output cookieKeyName string = webReaders[0].outputs.secretName
output sessionPrivateKeyName string = webReaders[1].outputs.secretName
output kakaoLoginClientSecretName string = webReaders[2].outputs.secretName

// Without a version: the gateway takes each new one by itself.
output certificateUrl string = '${vault.properties.vaultUri}secrets/${certificateReaders.?outputs.secretName ?? ''}'
