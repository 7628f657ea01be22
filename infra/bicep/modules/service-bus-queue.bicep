// A queue, and the identities that send to it and receive from it.

import { appRoles } from '../roles.bicep'

@description('A queue in the format of the local Service Bus.')
type Queue = {
  Name: string
  Properties: {
    DeadLetteringOnMessageExpiration: bool
    DefaultMessageTimeToLive: string
    DuplicateDetectionHistoryTimeWindow: string
    LockDuration: string
    MaxDeliveryCount: int
    RequiresDuplicateDetection: bool
    RequiresSession: bool
  }
}

param namespaceName string
param queue Queue

@description('The identities that send to the queue, and to nothing else by this.')
param senders string[]

@description('The identities that receive from the queue; none where only people do.')
param receivers string[]

var dataSender = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', appRoles.serviceBusDataSender)
var dataReceiver = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', appRoles.serviceBusDataReceiver)

resource namespace 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = {
  name: namespaceName
}

resource messageQueue 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' = {
  parent: namespace
  name: queue.Name
  properties: {
    lockDuration: queue.Properties.LockDuration
    maxDeliveryCount: queue.Properties.MaxDeliveryCount
    defaultMessageTimeToLive: queue.Properties.DefaultMessageTimeToLive
    deadLetteringOnMessageExpiration: queue.Properties.DeadLetteringOnMessageExpiration
    // This and sessions can only be set when the queue is created.
    requiresDuplicateDetection: queue.Properties.RequiresDuplicateDetection
    duplicateDetectionHistoryTimeWindow: queue.Properties.DuplicateDetectionHistoryTimeWindow
    requiresSession: queue.Properties.RequiresSession
    enableBatchedOperations: true
  }
}

resource senderIdentities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for sender in senders: {
    name: sender
  }
]

resource receiverIdentities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for receiver in receivers: {
    name: receiver
  }
]

resource senderRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (sender, index) in senders: {
    name: guid(messageQueue.id, senderIdentities[index].id, dataSender)
    scope: messageQueue
    properties: {
      principalId: senderIdentities[index].properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: dataSender
    }
  }
]

resource receiverRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (receiver, index) in receivers: {
    name: guid(messageQueue.id, receiverIdentities[index].id, dataReceiver)
    scope: messageQueue
    properties: {
      principalId: receiverIdentities[index].properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: dataReceiver
    }
  }
]
