// One function app on its own plan (Flex Consumption has one app per plan), and its permitted callers.

import { Scale } from '../types.bicep'

param name string
param planName string
param storageName string
param location string
param tags { *: string }

@description('The service that this app is: SSAK8_SERVICES, and the tag by which azd finds the app.')
param service 'customer' | 'kakao' | 'customerview' | 'web'

param identityName string
param scale Scale

@description('The least maximumInstanceCount that the region accepts.')
param lowestInstanceLimit int

param rollingUpdates bool
param zoneRedundant bool

@description('Settings of this app in addition to those of every app.')
param settings { *: string }

@description('The database and the messages; my page has neither.')
param cosmosEndpoint string = ''
param serviceBusNamespace string = ''

param connectionString string

@description('The workspace of the logs of its storage.')
param workspaceId string

@description('Whether every request to its storage is logged.')
param audited bool

@description('Percentage of traces to keep.')
param sampledPercentage int

@description('Client id of the app registration whose tokens this app accepts.')
param authClientId string

@description('The only identities whose tokens are accepted.')
param callers string[]

@description('The subnet of outgoing connections; empty for none.')
param subnetId string

@description('Whether storage can be reached without private endpoints.')
param storageNetworkAccess 'Enabled' | 'Disabled'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource callerIdentities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for name in callers: {
    name: name
  }
]

module storage 'storage.bicep' = {
  name: 'storage-${service}'
  params: {
    name: storageName
    location: location
    tags: tags
    zoneRedundant: zoneRedundant
    publicNetworkAccess: storageNetworkAccess
    owner: identityName
    workspaceId: workspaceId
    audited: audited
  }
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

// What every app needs to start. Other settings have their defaults in shared/settings.py.
var commonSettings = {
  // No connection string, not even an empty one: the host would use it instead of its identity.
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.properties.clientId
  AzureWebJobsStorage__blobServiceUri: storage.outputs.blobEndpoint

  // The identity that the app requests tokens with, where no connection names one.
  AZURE_CLIENT_ID: identity.properties.clientId

  APPLICATIONINSIGHTS_CONNECTION_STRING: connectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
  PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
  // The name of its node on the application map.
  OTEL_SERVICE_NAME: service
  // Samples by trace id, like the gateway, so that all keep the same traces. The default is five spans a second.
  OTEL_TRACES_SAMPLER: 'microsoft.fixed_percentage'
  OTEL_TRACES_SAMPLER_ARG: '${sampledPercentage / 100}.${padLeft(string(sampledPercentage % 100), 2, '0')}'
  // The code has its own spans for the database, kakao and Service Bus. Those of the libraries would duplicate them,
  // and pass another trace on to Service Bus.
  OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: 'azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3'

  SSAK8_SERVICES: service
}

// My page has neither a database nor messages.
var dataSettings = service == 'web'
  ? {}
  : {
      COSMOS_CONNECTION__accountEndpoint: cosmosEndpoint
      COSMOS_CONNECTION__credential: 'managedidentity'
      COSMOS_CONNECTION__clientId: identity.properties.clientId

      SERVICE_BUS_CONNECTION__fullyQualifiedNamespace: serviceBusNamespace
      SERVICE_BUS_CONNECTION__credential: 'managedidentity'
      SERVICE_BUS_CONNECTION__clientId: identity.properties.clientId
    }
var allSettings = union(commonSettings, dataSettings, settings)

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': service })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    // The identity that reads settings which refer to secrets.
    keyVaultReferenceIdentity: identity.id
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      remoteDebuggingEnabled: false
      appSettings: map(items(allSettings), setting => { name: setting.key, value: setting.value })
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: storage.outputs.packagesUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: scale.instanceMemoryMB
        maximumInstanceCount: max(scale.maximumInstanceCount, lowestInstanceLimit)
        alwaysReady: scale.alwaysReady
        triggers: { http: { perInstanceConcurrency: scale.perInstanceConcurrency } }
      }
      // The published types lack this property. Without it all instances are replaced at once.
      #disable-next-line BCP037
      siteUpdateStrategy: { type: rollingUpdates ? 'RollingUpdate' : 'Recreate' }
    }
  }

  // Deployments sign in with Entra ID; there is no password.
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
    dependsOn: [ftp] // an app refuses a second change while one is under way
  }

  // The platform refuses everybody but the callers: docs/decisions/0010-who-may-call-an-app.md
  resource authentication 'config' = {
    name: 'authsettingsV2'
    properties: {
      platform: {
        enabled: true
        runtimeVersion: '~1'
      }
      globalValidation: {
        requireAuthentication: true
        unauthenticatedClientAction: 'Return401'
        // `az functionapp deployment source config-zip` calls the second after an upload, without a token of ours; the
        // host itself still requires its master key there.
        excludedPaths: ['/health', '/admin/host/status']
      }
      httpSettings: { requireHttps: true }
      identityProviders: {
        azureActiveDirectory: {
          enabled: true
          registration: {
            clientId: authClientId
            openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          }
          validation: {
            allowedAudiences: [authClientId]
            defaultAuthorizationPolicy: {
              allowedApplications: [for (caller, index) in callers: callerIdentities[index].properties.clientId]
              allowedPrincipals: {
                identities: [for (caller, index) in callers: callerIdentities[index].properties.principalId]
              }
            }
          }
        }
      }
      login: { tokenStore: { enabled: false } }
    }
    dependsOn: [scm]
  }
}

output name string = app.name
output id string = app.id
output url string = 'https://${app.properties.defaultHostName}'
output storageId string = storage.outputs.id
output storageName string = storage.outputs.name
