// All of ssak8 on Azure, for azd: the foundation and the system, which a person and a pipeline deploy one after the other.
//
//   azd up

targetScope = 'subscription'

import { Privacy } from 'privacy.bicep'
import { permittedAccess, requiredKakaoLogin, requiredPrivacy, requiredPublicKeys } from 'refusals.bicep'
import { Access, ExtraSettings, Location, resourceGroupName, Size } from 'types.bicep'

@description('The name of the environment; part of the names of all resources.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('The region of all resources.')
@metadata({ azd: { type: 'location' } })
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

@description('The start date of the budget: `python -m tools.delivery.budget ENVIRONMENT` prints it.')
@minLength(10)
@maxLength(10)
param budgetStartDate string

@description('Whether storage, database, Service Bus and Key Vault are reachable only through private endpoints.')
param privateNetwork bool = false

@description('The least maximumInstanceCount that the region accepts: 40 where Azure refuses less, which raises those of sizes.bicep.')
@minValue(1)
@maxValue(1000)
param lowestInstanceLimit int = 1

@description('Settings in addition to those of the templates: shared/settings.py has all of them, with their defaults.')
param extraSettings ExtraSettings = {
  customer: {}
  kakao: {}
  customerview: {}
  web: {}
}

@description('The object id of a developer or group, who gets access to all data; empty for nobody.')
param developerPrincipalId string = ''

param developerPrincipalType 'User' | 'Group' | 'ServicePrincipal' = 'User'

module foundation 'foundation.bicep' = {
  // Environments may share a subscription.
  name: 'foundation-${environmentName}'
  params: {
    environmentName: environmentName
    location: location
    size: size
    operatorEmail: operatorEmail
    budgetStartDate: budgetStartDate
    foreignRegionReason: foreignRegionReason
  }
}

module system 'system.bicep' = {
  name: 'system'
  scope: resourceGroup(resourceGroupName(environmentName))
  params: {
    environmentName: environmentName
    location: location
    size: size
    authClientId: authClientId
    // Refused already here: the foundation would be deployed before the system refuses it.
    access: permittedAccess(access, size, openAccessReason)
    openAccessReason: openAccessReason
    foreignRegionReason: foreignRegionReason
    sessionPublicKeys: requiredPublicKeys(sessionPublicKeys, access)
    privacy: requiredPrivacy(privacy, access)
    kakaoLoginClientId: requiredKakaoLogin(kakaoLoginClientId, access)
    publicBaseUrl: publicBaseUrl
    operatorEmail: operatorEmail
    privateNetwork: privateNetwork
    lowestInstanceLimit: lowestInstanceLimit
    extraSettings: extraSettings
    developerPrincipalId: developerPrincipalId
    developerPrincipalType: developerPrincipalType
  }
  dependsOn: [foundation]
}

output AZURE_LOCATION string = system.outputs.AZURE_LOCATION
output AZURE_TENANT_ID string = system.outputs.AZURE_TENANT_ID
output AUTH_CLIENT_ID string = system.outputs.AUTH_CLIENT_ID
output AZURE_RESOURCE_GROUP string = system.outputs.AZURE_RESOURCE_GROUP
output GATEWAY_URL string = system.outputs.GATEWAY_URL
output GATEWAY_NAME string = system.outputs.GATEWAY_NAME
output CUSTOMER_APP_NAME string = system.outputs.CUSTOMER_APP_NAME
output CUSTOMER_URL string = system.outputs.CUSTOMER_URL
output KAKAO_APP_NAME string = system.outputs.KAKAO_APP_NAME
output KAKAO_URL string = system.outputs.KAKAO_URL
output CUSTOMERVIEW_APP_NAME string = system.outputs.CUSTOMERVIEW_APP_NAME
output CUSTOMERVIEW_URL string = system.outputs.CUSTOMERVIEW_URL
output WEB_APP_NAME string = system.outputs.WEB_APP_NAME
output WEB_URL string = system.outputs.WEB_URL
output WEB_PRINCIPAL_ID string = system.outputs.WEB_PRINCIPAL_ID
output MY_PAGE_URL string = system.outputs.MY_PAGE_URL
output COSMOS_ACCOUNT_NAME string = system.outputs.COSMOS_ACCOUNT_NAME
output SERVICE_BUS_NAMESPACE string = system.outputs.SERVICE_BUS_NAMESPACE
output KEY_VAULT_NAME string = system.outputs.KEY_VAULT_NAME
output APPLICATION_INSIGHTS_NAME string = system.outputs.APPLICATION_INSIGHTS_NAME
output LOG_ANALYTICS_WORKSPACE_NAME string = system.outputs.LOG_ANALYTICS_WORKSPACE_NAME

// By these azd finds the app of a service.
output SERVICE_CUSTOMER_NAME string = system.outputs.CUSTOMER_APP_NAME
output SERVICE_KAKAO_NAME string = system.outputs.KAKAO_APP_NAME
output SERVICE_CUSTOMERVIEW_NAME string = system.outputs.CUSTOMERVIEW_APP_NAME
output SERVICE_WEB_NAME string = system.outputs.WEB_APP_NAME
