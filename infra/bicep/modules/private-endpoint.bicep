// An address in the virtual network for one resource.

param name string
param location string
param tags { *: string }
param subnetId string
param resourceId string

@description('The part of the resource: blob, Sql, namespace or vault.')
param groupId string

param dnsZoneId string

resource endpoint 'Microsoft.Network/privateEndpoints@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: name
        properties: {
          privateLinkServiceId: resourceId
          groupIds: [groupId]
        }
      }
    ]
  }

  resource dns 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: groupId
          properties: { privateDnsZoneId: dnsZoneId }
        }
      ]
    }
  }
}
