// The optional virtual network: one subnet for the apps, another for the private endpoints of what they use.

param name string
param appsSecurityGroupName string
param endpointsSecurityGroupName string
param location string
param tags { *: string }

@description('The name of each private DNS zone, by the service that it is for.')
var zoneNames = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  // Azure has no suffixes for these three; that of Key Vault differs from the public one.
  cosmosDb: 'privatelink.documents.azure.com'
  serviceBus: 'privatelink.servicebus.windows.net'
  keyVault: 'privatelink.vaultcore.azure.net'
}

resource appsSecurityGroup 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: appsSecurityGroupName
  location: location
  tags: tags
}

resource endpointsSecurityGroup 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: endpointsSecurityGroupName
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'from-apps'
        properties: {
          description: 'HTTPS and AMQP; Cosmos DB in direct mode uses the ports from 10000 on.'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: '10.0.0.0/24'
          sourcePortRange: '*'
          destinationAddressPrefix: '10.0.1.0/24'
          destinationPortRanges: ['443', '5671', '10000-20000']
        }
      }
      {
        name: 'nobody-else'
        properties: {
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.0.0.0/16'] }
    subnets: [
      {
        name: 'apps'
        properties: {
          addressPrefix: '10.0.0.0/24'
          networkSecurityGroup: { id: appsSecurityGroup.id }
          delegations: [
            {
              name: 'flex-consumption'
              properties: { serviceName: 'Microsoft.App/environments' }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.0.1.0/24'
          networkSecurityGroup: { id: endpointsSecurityGroup.id }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }

  resource apps 'subnets' existing = {
    name: 'apps'
  }

  resource endpoints 'subnets' existing = {
    name: 'endpoints'
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in items(zoneNames): {
    name: zone.value
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, index) in items(zoneNames): {
    parent: zones[index]
    name: name
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: network.id }
    }
  }
]

output appsSubnetId string = network::apps.id
output endpointsSubnetId string = network::endpoints.id

output blobZoneId string = resourceId('Microsoft.Network/privateDnsZones', zoneNames.blob)
output cosmosDbZoneId string = resourceId('Microsoft.Network/privateDnsZones', zoneNames.cosmosDb)
output serviceBusZoneId string = resourceId('Microsoft.Network/privateDnsZones', zoneNames.serviceBus)
output keyVaultZoneId string = resourceId('Microsoft.Network/privateDnsZones', zoneNames.keyVault)
