// The database, its containers, and the identities that may read and write each of them.

import { Throughput } from '../types.bicep'

param name string
param location string
param tags { *: string }

@description('The maximum request units per second of each container; without it the account is serverless.')
param throughput Throughput?

param backup 'Continuous7Days' | 'Continuous30Days'
param zoneRedundant bool
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('Who may do what in a container: each identity has one of the roles below. Nobody has a role on the account.')
param grants { container: string, identity: string, role: 'contributor' | 'reader' | 'creator' }[]

@description('The workspace of the logs.')
param workspaceId string

@description('Whether every request for data is logged, and not only changes of the account.')
param audited bool

// The local Azure reads this file too: docs/decisions/0023-indexes-of-the-local-database.md. Only what a query filters or
// sorts by is indexed, because every indexed path makes every write more expensive. Without a defaultTtl (-1: never), a
// container ignores the ttl of its documents. The trigger finds its leases by the prefix of their ids.
var configuration = loadJsonContent('../../../entities/cosmos-db.json', '$.databases[0]')

resource account 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    capabilities: throughput == null ? [{ name: 'EnableServerless' }] : []
    // Customers see their own registration, whichever instance responds: docs/decisions/0009-what-is-not-atomic.md
    consistencyPolicy: { defaultConsistencyLevel: 'Strong' }
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: zoneRedundant
      }
    ]
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: { tier: backup }
    }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: publicNetworkAccess
    networkAclBypass: 'None'
  }

  // Roles of the data plane, which are separate from Azure's roles.
  resource dataReader 'sqlRoleDefinitions' existing = {
    name: '00000000-0000-0000-0000-000000000001'
  }

  resource dataContributor 'sqlRoleDefinitions' existing = {
    name: '00000000-0000-0000-0000-000000000002'
  }

  // What somebody may add to a record, but neither read, nor change, nor delete.
  resource dataCreator 'sqlRoleDefinitions' = {
    name: guid(account.id, 'creator')
    properties: {
      roleName: 'ssak8 Data Creator'
      type: 'CustomRole'
      assignableScopes: [account.id]
      permissions: [
        {
          dataActions: [
            // The SDK asks for the partition key of a container before it writes.
            'Microsoft.DocumentDB/databaseAccounts/readMetadata'
            'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/create'
          ]
        }
      ]
    }
    dependsOn: [sqlContainers] // the account refuses a second change while one is under way
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2026-03-15' = {
  parent: account
  name: configuration.id
  properties: {
    resource: { id: configuration.id }
  }
}

@batchSize(1)
resource sqlContainers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2026-03-15' = [
  for container in configuration.containers: {
    parent: database
    name: container.id
    properties: {
      resource: container
      options: throughput == null ? {} : { autoscaleSettings: { maxThroughput: throughput![container.id] } }
    }
  }
]

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for grant in grants: {
    name: grant.identity
  }
]

// The account refuses a second change while one is under way.
@batchSize(1)
resource roles 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = [
  for (grant, index) in grants: {
    parent: account
    name: guid(account.id, identities[index].id, grant.container)
    properties: {
      principalId: identities[index].properties.principalId
      roleDefinitionId: {
        contributor: account::dataContributor.id
        reader: account::dataReader.id
        creator: account::dataCreator.id
      }[grant.role]
      scope: '${account.id}/dbs/${configuration.id}/colls/${grant.container}'
    }
    dependsOn: [sqlContainers]
  }
]

// The newest version that can be deployed for any resource is a preview.
#disable-next-line use-recent-api-versions
resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'log'
  scope: account
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      for category in concat(['ControlPlaneRequests'], audited ? ['DataPlaneRequests'] : []): {
        category: category
        enabled: true
      }
    ]
  }
}

output id string = account.id
output name string = account.name
output endpoint string = account.properties.documentEndpoint
