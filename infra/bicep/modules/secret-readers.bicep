// Who may read one secret. Nobody may read all secrets of the vault.

import { appRoles } from '../roles.bicep'

param vaultName string

@description('It has to exist: a role on it could not be given otherwise.')
param secretName string

@description('The identities that read it.')
param readers string[]

var secretsUser = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', appRoles.keyVaultSecretsUser)

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName

  resource secret 'secrets' existing = {
    name: secretName
  }
}

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for reader in readers: {
    name: reader
  }
]

resource roles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (reader, index) in readers: {
    name: guid(vault::secret.id, identities[index].id, secretsUser)
    scope: vault::secret
    properties: {
      principalId: identities[index].properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: secretsUser
    }
  }
]

output secretName string = vault::secret.name
