// The public address of the system: API Management in front of the apps.

param name string
param location string
param tags { *: string }
param identityName string

@description('Required by the service, which sends its own notifications there.')
param publisherEmail string

@description('Client id of the app registration whose tokens the apps accept.')
param authClientId string

@description('Application Insights.')
param componentId string
param connectionString string

param customerUrl string
param kakaoUrl string
param customerviewUrl string

@description('Whether there is my page.')
param hasMyPage bool
param webUrl string

@description('The domain at which people reach it, and the address of its certificate in the Key Vault. Without it, it has only its own name.')
param domain { hostName: string, certificateUrl: string }?

@description('Percentage of requests to trace.')
param sampledPercentage int

@description('How many registrations may be in progress at a time.')
param registrationsInProgress int

// One API has everything, because only one may have an empty path. So its operations are those of the description, and
// those by which the pages are reached: what a document is imported for would delete the others.
var document = loadJsonContent('../../openapi.json')
var apiOperations = flatten(map(
  items(document.paths),
  path =>
    map(items(path.value), operation => {
      name: operation.value.operationId
      method: toUpper(operation.key)
      path: path.key
      parameters: map(filter(operation.value.?parameters ?? [], parameter => parameter.in == 'path'), parameter => {
        name: parameter.name
        type: 'string'
        required: true
      })
    })
))
// The page of what does not exist is a page, too. Where another operation fits as well, nothing depends on which of them
// the service takes: gateway-policy.xml finds the app by the path.
var pageOperations = [
  { name: 'page', method: 'GET', path: '/*', parameters: [] }
  { name: 'page-head', method: 'HEAD', path: '/*', parameters: [] }
  { name: 'sign-out', method: 'POST', path: '/logout', parameters: [] }
  { name: 'change-own', method: 'POST', path: '/my/*', parameters: [] }
  { name: 'operate', method: 'POST', path: '/operators/*', parameters: [] }
]
var policy = loadTextContent('gateway-policy.xml')

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource service 'Microsoft.ApiManagement/service@2024-05-01' = {
  name: name
  location: location
  tags: tags
  // Billed per call, and deployed within minutes. It has no rate limit per caller (rate-limit-by-key) and no virtual
  // network. So maximumInstanceCount only slows what an attack costs, and the apps refuse callers without the gateway's
  // token.
  sku: {
    name: 'Consumption'
    capacity: 0
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    publisherEmail: publisherEmail
    publisherName: 'ssak8'
    // The name that Azure gave it stays in any case.
    hostnameConfigurations: domain == null
      ? []
      : [
          {
            type: 'Proxy'
            hostName: domain!.hostName
            certificateSource: 'KeyVault'
            keyVaultId: domain!.certificateUrl
            identityClientId: identity.properties.clientId
            defaultSslBinding: true
            negotiateClientCertificate: false
          }
        ]
  }
}

// gateway-policy.xml uses these names of backends and values. The service refuses a second change while one is under
// way, so everything here waits for what is before it.
@batchSize(1)
resource backends 'Microsoft.ApiManagement/service/backends@2024-05-01' = [
  for backend in concat(
    [
      { name: 'customer', url: customerUrl }
      { name: 'kakao', url: kakaoUrl }
      { name: 'customerview', url: customerviewUrl }
    ],
    hasMyPage ? [{ name: 'web', url: webUrl }] : []
  ): {
    parent: service
    name: backend.name
    properties: {
      protocol: 'http'
      url: backend.url
      tls: {
        validateCertificateChain: true
        validateCertificateName: true
      }
    }
  }
]

// Ids and a number, not secrets: hiding them would only make the policy harder to read.
resource authClientIdValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  parent: service
  name: 'auth-client-id'
  properties: {
    displayName: 'auth-client-id'
    value: authClientId
    secret: false
  }
  dependsOn: [backends]
}

resource gatewayClientIdValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  parent: service
  name: 'gateway-client-id'
  properties: {
    displayName: 'gateway-client-id'
    value: identity.properties.clientId
    secret: false
  }
  dependsOn: [authClientIdValue]
}

resource registrationsInProgressValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  parent: service
  name: 'registrations-in-progress'
  properties: {
    displayName: 'registrations-in-progress'
    value: string(registrationsInProgress)
    secret: false
  }
  dependsOn: [gatewayClientIdValue]
}

resource logger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = {
  parent: service
  name: 'application-insights'
  properties: {
    loggerType: 'applicationInsights'
    resourceId: componentId
    credentials: {
      connectionString: connectionString
      identityClientId: identity.properties.clientId
    }
  }
  dependsOn: [registrationsInProgressValue]
}

resource api 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  parent: service
  name: 'ssak8'
  properties: {
    displayName: 'ssak8'
    apiType: 'http'
    path: ''
    protocols: ['https']
    serviceUrl: customerUrl
    subscriptionRequired: false
  }
  dependsOn: [logger]

  // Without my page no path leads to its backend. But the service refuses a policy that names one which does not exist.
  resource apiPolicy 'policies' = {
    name: 'policy'
    properties: {
      format: 'xml'
      value: hasMyPage ? policy : replace(policy, 'backend-id="web"', 'backend-id="customer"')
    }
    dependsOn: [operations]
  }

  // Traces start here. They hold no bodies, headers or addresses of callers.
  resource diagnostic 'diagnostics' = {
    name: 'applicationinsights'
    properties: {
      loggerId: logger.id
      alwaysLog: 'allErrors'
      httpCorrelationProtocol: 'W3C'
      logClientIp: false
      operationNameFormat: 'Name'
      verbosity: 'information'
      metrics: true
      sampling: {
        samplingType: 'fixed'
        percentage: sampledPercentage
      }
      frontend: {
        request: { headers: [], body: { bytes: 0 } }
        response: { headers: [], body: { bytes: 0 } }
      }
      backend: {
        request: { headers: [], body: { bytes: 0 } }
        response: { headers: [], body: { bytes: 0 } }
      }
    }
    dependsOn: [apiPolicy]
  }
}

@batchSize(1)
resource operations 'Microsoft.ApiManagement/service/apis/operations@2024-05-01' = [
  for operation in concat(apiOperations, hasMyPage ? pageOperations : []): {
    parent: api
    name: operation.name
    properties: {
      displayName: operation.name
      method: operation.method
      urlTemplate: operation.path
      templateParameters: operation.parameters
    }
  }
]

output id string = service.id
output name string = service.name
output url string = service.properties.gatewayUrl
