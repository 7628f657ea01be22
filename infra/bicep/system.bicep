// The function apps and everything they need, in the resource group that foundation.bicep creates. It needs no
// rights elsewhere, so that the pipeline of an environment cannot change another.
//
//   make deploy ENV=dev

import { Privacy } from 'privacy.bicep'
import {
  permittedAccess
  permittedDomain
  permittedLocation
  requiredKakaoLogin
  requiredPrivacy
  requiredPublicKeys
} from 'refusals.bicep'
import { Access, ExtraSettings, Location, Size } from 'types.bicep'

@description('The name of the environment; part of the names of all resources.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('The region of all resources.')
param location Location = 'koreacentral'

@description('The size of the environment: sizes.bicep.')
param size Size

@description('Client id of the app registration whose tokens the apps accept. infra/bicep/register-app creates it.')
@minLength(36)
@maxLength(36)
param authClientId string

@description('Who may call. `open` is refused where real customers are, unless openAccessReason is given.')
param access Access = 'customers'

@description('Why everybody may call an environment with real customers. It has no default: somebody has to say it.')
param openAccessReason string?

@description('Why an environment with real customers is outside Korea. It has no default, either.')
param foreignRegionReason string?

@description('The public keys by which customers are recognised, a JWKS: `python -m tools.sessions keys FILE` prints it.')
param sessionPublicKeys string

@description('What only the operator knows of the privacy policy: docs/privacy-policy.md.')
param privacy Privacy

@description('With access for customers, the REST API key of the app at Kakao Developers, at which they sign in: docs/kakao-login.md.')
param kakaoLoginClientId string = ''

@description('The address of my page, with https and without a slash at the end, if it is not that of the gateway: docs/custom-domain.md.')
param publicBaseUrl string = ''

@description('The e-mail address that receives alerts.')
param operatorEmail string

@description('Whether storage, database, Service Bus and Key Vault are reachable only through private endpoints. Service Bus is then Premium, which costs more.')
param privateNetwork bool = false

@description('The least maximumInstanceCount that the region accepts: 40 where Azure refuses less, which raises those of sizes.bicep.')
@minValue(1)
@maxValue(1000)
param lowestInstanceLimit int = 1

@description('Settings in addition to those below: shared/settings.py has all of them, with their defaults.')
param extraSettings ExtraSettings = {
  customer: {}
  kakao: {}
  customerview: {}
  web: {}
}

@description('The object id of a developer or group, who gets access to all data; empty for nobody.')
param developerPrincipalId string = ''

param developerPrincipalType 'User' | 'Group' | 'ServicePrincipal' = 'User'

var abbreviations = loadJsonContent('abbreviations.json')
var resourceToken = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var identityNames = {
  customer: '${abbreviations.managedIdentityUserAssignedIdentities}customer-${resourceToken}'
  kakao: '${abbreviations.managedIdentityUserAssignedIdentities}kakao-${resourceToken}'
  customerview: '${abbreviations.managedIdentityUserAssignedIdentities}customerview-${resourceToken}'
  web: '${abbreviations.managedIdentityUserAssignedIdentities}web-${resourceToken}'
  gateway: '${abbreviations.managedIdentityUserAssignedIdentities}gateway-${resourceToken}'
}
var names = {
  component: '${abbreviations.insightsComponents}${resourceToken}'
  gateway: '${abbreviations.apiManagementService}${resourceToken}'
  cosmosAccount: '${abbreviations.documentDBDatabaseAccounts}${resourceToken}'
  keyVault: '${abbreviations.keyVaultVaults}${resourceToken}'
  // A namespace cannot change to Premium: an environment that becomes private gets a second one.
  serviceBus: '${abbreviations.serviceBusNamespaces}${privateNetwork ? 'premium-' : ''}${resourceToken}'
  storage: {
    customer: '${abbreviations.storageStorageAccounts}customer${resourceToken}'
    kakao: '${abbreviations.storageStorageAccounts}kakao${resourceToken}'
    customerview: '${abbreviations.storageStorageAccounts}custview${resourceToken}'
    web: '${abbreviations.storageStorageAccounts}web${resourceToken}'
  }
}
// Refused before anything is deployed: everything waits for the identities, which need the region.
var region = permittedLocation(location, size, foreignRegionReason)
var publicNetworkAccess = privateNetwork ? 'Disabled' : 'Enabled'

// My page is for customers who sign in. With open access there is none, and nothing of this section is needed.
var hasMyPage = access == 'customers'
// The gateway knows its own address, but waits for the apps; all of `Location` is in the public cloud.
var hasDomain = !empty(permittedDomain(publicBaseUrl, privateNetwork))
var myPageUrl = hasDomain ? publicBaseUrl : 'https://${names.gateway}.azure-api.net'
var secretReference = '@Microsoft.KeyVault(VaultName=${keyVault.outputs.name};SecretName={0})'

// What every app has to know to recognise who calls: nothing where everybody may. No extra setting replaces one of these.
var callerSettings = permittedAccess(access, size, openAccessReason) == 'open'
  ? {}
  : {
      ACCESS: access
      SESSION_ISSUER: 'urn:ssak8:${environmentName}:sessions'
      SESSION_AUDIENCE: 'urn:ssak8:${environmentName}'
      SESSION_PUBLIC_KEYS: requiredPublicKeys(sessionPublicKeys, access)
      OPERATOR_ISSUER: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
      // Operators get a token for the same registration as the gateway, with the role that only people can have.
      OPERATOR_AUDIENCE: authClientId
    }
// Customer and customerview find by it whose a registration is.
var ownerKeySettings = access == 'open' ? {} : { OWNER_KEY: format(secretReference, keyVault.outputs.ownerKeyName) }

resource customerIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityNames.customer
}

resource webIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityNames.web
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: {
    names: map(items(identityNames), identityName => identityName.value)
    location: region
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: '${abbreviations.operationalInsightsWorkspaces}${resourceToken}'
    componentName: names.component
    actionGroupName: '${abbreviations.insightsActionGroups}${resourceToken}'
    location: location
    tags: tags
    retentionDays: size.logRetentionDays
    dailyCapGb: size.dailyLogCapGb
    operatorEmail: operatorEmail
    publishers: [
      identityNames.customer
      identityNames.kakao
      identityNames.customerview
      identityNames.web
      identityNames.gateway
    ]
  }
  dependsOn: [identities]
}

module serviceBus 'modules/service-bus.bicep' = {
  name: 'service-bus'
  params: {
    name: names.serviceBus
    location: location
    tags: tags
    sku: privateNetwork ? 'Premium' : 'Standard'
    publicNetworkAccess: publicNetworkAccess
    sender: identityNames.customer
    receivers: {
      'kakao-alert': identityNames.kakao
      'view-updater': identityNames.customerview
    }
    queueUsers: {
      // People receive from it: docs/operations.md#alert-set-aside. forget-views removes what has expired.
      'events-set-aside': { senders: [identityNames.customerview], receivers: [identityNames.customerview] }
      // event-publisher sends the first attempt, register-deferred receives it and sends the next.
      'registrations-postponed': { senders: [identityNames.customer], receivers: [identityNames.customer] }
    }
    workspaceId: monitoring.outputs.workspaceId
  }
  dependsOn: [identities]
}

module cosmosDb 'modules/cosmos-db.bicep' = {
  name: 'cosmos-db'
  params: {
    name: names.cosmosAccount
    location: location
    tags: tags
    throughput: size.?throughput
    backup: size.backup
    zoneRedundant: size.zoneRedundant
    publicNetworkAccess: publicNetworkAccess
    grants: [
      { container: 'customers', identity: identityNames.customer, role: 'contributor' }
      { container: 'leases', identity: identityNames.customer, role: 'contributor' }
      { container: 'kakaos', identity: identityNames.kakao, role: 'contributor' }
      { container: 'customerViews', identity: identityNames.customerview, role: 'contributor' }
      // Whose registration is cancelled, so that its messages and its view are stripped also without Service Bus.
      { container: 'customers', identity: identityNames.kakao, role: 'reader' }
      { container: 'customers', identity: identityNames.customerview, role: 'reader' }
      // What customers may see of their own messages.
      { container: 'kakaos', identity: identityNames.customerview, role: 'reader' }
      // What operators look at is recorded by the app that shows it, which can never change a record.
      { container: 'accessRecords', identity: identityNames.customer, role: 'creator' }
      { container: 'accessRecords', identity: identityNames.kakao, role: 'creator' }
      { container: 'accessRecords', identity: identityNames.customerview, role: 'creator' }
    ]
    workspaceId: monitoring.outputs.workspaceId
    audited: size.audited
  }
  dependsOn: [identities]
}

module keyVault 'modules/key-vault.bicep' = {
  name: 'key-vault'
  params: {
    name: names.keyVault
    location: location
    tags: tags
    publicNetworkAccess: publicNetworkAccess
    purgeProtection: size.attended
    certificateReader: hasDomain ? identityNames.gateway : null
    ownerKeyReaders: [identityNames.customer, identityNames.customerview]
    // Sessions, what lies in cookies, and signing in at Kakao.
    webReader: identityNames.web
    workspaceId: monitoring.outputs.workspaceId
  }
  dependsOn: [identities]
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  params: {
    name: '${abbreviations.networkVirtualNetworks}${resourceToken}'
    appsSecurityGroupName: '${abbreviations.networkNetworkSecurityGroups}apps-${resourceToken}'
    endpointsSecurityGroupName: '${abbreviations.networkNetworkSecurityGroups}endpoints-${resourceToken}'
    location: location
    tags: tags
  }
}

module customer 'modules/function-app.bicep' = {
  name: 'function-app-customer'
  params: {
    name: '${abbreviations.webSitesFunctions}customer-${resourceToken}'
    planName: '${abbreviations.webServerFarms}customer-${resourceToken}'
    storageName: names.storage.customer
    location: location
    tags: tags
    service: 'customer'
    identityName: identityNames.customer
    scale: size.customer
    lowestInstanceLimit: lowestInstanceLimit
    rollingUpdates: size.rollingUpdates
    zoneRedundant: size.zoneRedundant
    settings: union(
      {
        KAKAO_API_URL: kakao.outputs.url
        // The scope of the tokens that kakao accepts.
        KAKAO_API_SCOPE: '${authClientId}/.default'
        FEED_POLL_MILLISECONDS: string(size.feedPollMilliseconds)
      },
      size.?kakaoTimeoutSeconds == null ? {} : { KAKAO_TIMEOUT_SECONDS: string(size.kakaoTimeoutSeconds!) },
      size.?registrationSeconds == null ? {} : { REGISTRATION_SECONDS: string(size.registrationSeconds!) },
      extraSettings.customer,
      // A version before my page needs them to start, and is there until a deployment has come to this app, and after a
      // rollback: docs/operations.md#to-a-version-without-my-page-and-back
      access == 'open' ? {} : requiredPrivacy(privacy, access),
      ownerKeySettings,
      callerSettings
    )
    cosmosEndpoint: cosmosDb.outputs.endpoint
    serviceBusNamespace: serviceBus.outputs.fullyQualifiedNamespace
    connectionString: monitoring.outputs.connectionString
    workspaceId: monitoring.outputs.workspaceId
    audited: size.audited
    sampledPercentage: size.sampledPercentage
    authClientId: authClientId
    callers: [identityNames.gateway, identityNames.web]
    subnetId: network.?outputs.appsSubnetId ?? ''
    storageNetworkAccess: publicNetworkAccess
  }
  dependsOn: [identities]
}

module kakao 'modules/function-app.bicep' = {
  name: 'function-app-kakao'
  params: {
    name: '${abbreviations.webSitesFunctions}kakao-${resourceToken}'
    planName: '${abbreviations.webServerFarms}kakao-${resourceToken}'
    storageName: names.storage.kakao
    location: location
    tags: tags
    service: 'kakao'
    identityName: identityNames.kakao
    scale: size.kakao
    lowestInstanceLimit: lowestInstanceLimit
    rollingUpdates: size.rollingUpdates
    zoneRedundant: size.zoneRedundant
    settings: union(
      {
        // Shorter than the customer app waits for kakao: once it has given up, nothing may be stored.
        COSMOS_TIMEOUT_SECONDS: '1.5'
      },
      extraSettings.kakao,
      // The only app that may have messages sent: docs/decisions/0010-who-may-call-an-app.md
      access == 'open' ? {} : { CUSTOMER_APP_ID: customerIdentity.properties.principalId },
      callerSettings
    )
    cosmosEndpoint: cosmosDb.outputs.endpoint
    serviceBusNamespace: serviceBus.outputs.fullyQualifiedNamespace
    connectionString: monitoring.outputs.connectionString
    workspaceId: monitoring.outputs.workspaceId
    audited: size.audited
    sampledPercentage: size.sampledPercentage
    authClientId: authClientId
    // Not my page, because kakao could not tell its calls from those of the customer app. The gateway forwards only
    // look-ups: modules/gateway-policy.xml
    callers: [identityNames.customer, identityNames.gateway]
    subnetId: network.?outputs.appsSubnetId ?? ''
    storageNetworkAccess: publicNetworkAccess
  }
  dependsOn: [identities]
}

module customerview 'modules/function-app.bicep' = {
  name: 'function-app-customerview'
  params: {
    name: '${abbreviations.webSitesFunctions}customerview-${resourceToken}'
    planName: '${abbreviations.webServerFarms}customerview-${resourceToken}'
    storageName: names.storage.customerview
    location: location
    tags: tags
    service: 'customerview'
    identityName: identityNames.customerview
    scale: size.customerview
    lowestInstanceLimit: lowestInstanceLimit
    rollingUpdates: size.rollingUpdates
    zoneRedundant: size.zoneRedundant
    settings: union(extraSettings.customerview, ownerKeySettings, callerSettings)
    cosmosEndpoint: cosmosDb.outputs.endpoint
    serviceBusNamespace: serviceBus.outputs.fullyQualifiedNamespace
    connectionString: monitoring.outputs.connectionString
    workspaceId: monitoring.outputs.workspaceId
    audited: size.audited
    sampledPercentage: size.sampledPercentage
    authClientId: authClientId
    callers: [identityNames.gateway, identityNames.web]
    subnetId: network.?outputs.appsSubnetId ?? ''
    storageNetworkAccess: publicNetworkAccess
  }
  dependsOn: [identities]
}

// My page. It has no database and no messages: it asks the other apps.
module web 'modules/function-app.bicep' = if (hasMyPage) {
  name: 'function-app-web'
  params: {
    name: '${abbreviations.webSitesFunctions}web-${resourceToken}'
    planName: '${abbreviations.webServerFarms}web-${resourceToken}'
    storageName: names.storage.web
    location: location
    tags: tags
    service: 'web'
    identityName: identityNames.web
    scale: size.web
    lowestInstanceLimit: lowestInstanceLimit
    rollingUpdates: size.rollingUpdates
    zoneRedundant: size.zoneRedundant
    settings: union(
      extraSettings.web,
      {
        CUSTOMER_API_URL: customer.outputs.url
        CUSTOMERVIEW_API_URL: customerview.outputs.url
        // The scope of the tokens that both accept.
        API_SCOPE: '${authClientId}/.default'
        PUBLIC_BASE_URL: myPageUrl
        KAKAO_LOGIN_CLIENT_ID: requiredKakaoLogin(kakaoLoginClientId, access)
        KAKAO_LOGIN_CLIENT_SECRET: format(secretReference, keyVault.outputs.kakaoLoginClientSecretName)
        SESSION_PRIVATE_KEY: format(secretReference, keyVault.outputs.sessionPrivateKeyName)
        COOKIE_KEY: format(secretReference, keyVault.outputs.cookieKeyName)
      },
      // As long as a registration may take there.
      size.?registrationSeconds == null ? {} : { API_TIMEOUT_SECONDS: string(size.registrationSeconds!) },
      requiredPrivacy(privacy, access),
      callerSettings
    )
    connectionString: monitoring.outputs.connectionString
    workspaceId: monitoring.outputs.workspaceId
    audited: size.audited
    sampledPercentage: size.sampledPercentage
    authClientId: authClientId
    callers: [identityNames.gateway]
    subnetId: network.?outputs.appsSubnetId ?? ''
    storageNetworkAccess: publicNetworkAccess
  }
  dependsOn: [identities]
}

module gateway 'modules/gateway.bicep' = {
  name: 'gateway'
  params: {
    name: names.gateway
    location: location
    tags: tags
    identityName: identityNames.gateway
    publisherEmail: operatorEmail
    authClientId: authClientId
    componentId: monitoring.outputs.componentId
    connectionString: monitoring.outputs.connectionString
    registrationsInProgress: size.registrationsInProgress
    sampledPercentage: size.sampledPercentage
    customerUrl: customer.outputs.url
    kakaoUrl: kakao.outputs.url
    customerviewUrl: customerview.outputs.url
    hasMyPage: hasMyPage
    domain: hasDomain
      ? { hostName: replace(publicBaseUrl, 'https://', ''), certificateUrl: keyVault.outputs.certificateUrl }
      : null
    webUrl: web.?outputs.url ?? ''
  }
  dependsOn: [identities]
}

module alerts 'modules/monitoring-alerts.bicep' = {
  name: 'monitoring-alerts'
  params: {
    location: location
    tags: tags
    prefix: abbreviations.insightsAlerts
    resourceToken: resourceToken
    attended: size.attended
    componentId: monitoring.outputs.componentId
    actionGroupId: monitoring.outputs.actionGroupId
    cosmosDbId: cosmosDb.outputs.id
    serviceBusId: serviceBus.outputs.id
  }
}

module availability 'modules/monitoring-availability.bicep' = {
  name: 'monitoring-availability'
  params: {
    location: location
    tags: tags
    resourceToken: resourceToken
    enabled: size.attended
    componentId: monitoring.outputs.componentId
    actionGroupId: monitoring.outputs.actionGroupId
    testPrefix: abbreviations.insightsWebTests
    alertPrefix: abbreviations.insightsAlerts
    targets: concat(
      [
        // Through the gateway to an app, with the token, like customers.
        { name: 'gateway', url: '${gateway.outputs.url}/openapi.json', seconds: 300 }
        { name: 'customer', url: '${customer.outputs.url}/health', seconds: 900 }
        { name: 'kakao', url: '${kakao.outputs.url}/health', seconds: 900 }
        { name: 'customerview', url: '${customerview.outputs.url}/health', seconds: 900 }
      ],
      hasMyPage
        ? [
            // The start page, at the address that people type: also the domain and its certificate.
            { name: 'my-page', url: '${myPageUrl}/', seconds: 300 }
            { name: 'web', url: '${web!.outputs.url}/health', seconds: 900 }
          ]
        : []
    )
  }
}

module workbook 'modules/monitoring-workbook.bicep' = {
  name: 'monitoring-workbook'
  params: {
    location: location
    tags: tags
    ids: {
      componentId: monitoring.outputs.componentId
      cosmosDbId: cosmosDb.outputs.id
      serviceBusId: serviceBus.outputs.id
    }
  }
}

module developer 'modules/developer-access.bicep' = if (!empty(developerPrincipalId)) {
  name: 'developer-access'
  params: {
    principalId: developerPrincipalId
    principalType: developerPrincipalType
    cosmosAccountName: names.cosmosAccount
    serviceBusName: names.serviceBus
    keyVaultName: names.keyVault
    componentName: names.component
    storageNames: map(
      filter(items(names.storage), storage => hasMyPage || storage.key != 'web'),
      storage => storage.value
    )
  }
  dependsOn: [cosmosDb, serviceBus, keyVault, monitoring, customer, kakao, customerview, web]
}

// A subnet refuses a second change while one is under way.
@batchSize(1)
module privateEndpoints 'modules/private-endpoint.bicep' = [
  for target in [
    { name: 'cosmos-db', groupId: 'Sql' }
    { name: 'service-bus', groupId: 'namespace' }
    { name: 'key-vault', groupId: 'vault' }
    { name: 'storage-customer', groupId: 'blob' }
    { name: 'storage-kakao', groupId: 'blob' }
    { name: 'storage-customerview', groupId: 'blob' }
    { name: 'storage-web', groupId: 'blob' }
  ]: if (privateNetwork && (hasMyPage || target.name != 'storage-web')) {
    name: 'private-endpoint-${target.name}'
    params: {
      name: '${abbreviations.networkPrivateEndpoints}${target.name}-${resourceToken}'
      location: location
      tags: tags
      subnetId: network!.outputs.endpointsSubnetId
      groupId: target.groupId
      resourceId: {
        'cosmos-db': cosmosDb.outputs.id
        'service-bus': serviceBus.outputs.id
        'key-vault': keyVault.outputs.id
        'storage-customer': customer.outputs.storageId
        'storage-kakao': kakao.outputs.storageId
        'storage-customerview': customerview.outputs.storageId
        'storage-web': web.?outputs.storageId ?? ''
      }[target.name]
      dnsZoneId: {
        Sql: network!.outputs.cosmosDbZoneId
        namespace: network!.outputs.serviceBusZoneId
        vault: network!.outputs.keyVaultZoneId
        blob: network!.outputs.blobZoneId
      }[target.groupId]
    }
  }
]

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AUTH_CLIENT_ID string = authClientId
output AZURE_RESOURCE_GROUP string = resourceGroup().name
output GATEWAY_URL string = gateway.outputs.url
output GATEWAY_NAME string = gateway.outputs.name
output CUSTOMER_APP_NAME string = customer.outputs.name
output CUSTOMER_URL string = customer.outputs.url
output KAKAO_APP_NAME string = kakao.outputs.name
output KAKAO_URL string = kakao.outputs.url
output CUSTOMERVIEW_APP_NAME string = customerview.outputs.name
output CUSTOMERVIEW_URL string = customerview.outputs.url

// Empty without my page.
output WEB_APP_NAME string = web.?outputs.name ?? ''
output WEB_URL string = web.?outputs.url ?? ''

@description('The identity by which my page signs operators in: infra/bicep/register-my-page trusts it.')
output WEB_PRINCIPAL_ID string = hasMyPage ? webIdentity.properties.principalId : ''
output MY_PAGE_URL string = hasMyPage ? myPageUrl : ''
output COSMOS_ACCOUNT_NAME string = cosmosDb.outputs.name
output SERVICE_BUS_NAMESPACE string = serviceBus.outputs.name
output KEY_VAULT_NAME string = keyVault.outputs.name
output APPLICATION_INSIGHTS_NAME string = monitoring.outputs.componentName
output LOG_ANALYTICS_WORKSPACE_NAME string = monitoring.outputs.workspaceName
