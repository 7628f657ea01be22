// The topic of customer events, and the queues. They come from the file that the local Service Bus reads, with
// subscriptions and rules.

import { appRoles } from '../roles.bicep'

param name string
param location string
param tags { *: string }

@description('Only Premium can have private endpoints. A namespace cannot change from one to the other.')
param sku 'Standard' | 'Premium'

param publicNetworkAccess 'Enabled' | 'Disabled'

@description('The identity that sends to the topic.')
param sender string

@description('Subscription → the identity that receives from it.')
param receivers { *: string }

@description('Queue → the identities that send to it and that receive from it.')
param queueUsers { *: { senders: string[], receivers: string[] } }

@description('The workspace of the logs.')
param workspaceId string

var topicConfiguration = loadJsonContent('../../../entities/service-bus.json', '$.UserConfig.Namespaces[0].Topics[0]')
var queueConfigurations = loadJsonContent('../../../entities/service-bus.json', '$.UserConfig.Namespaces[0].Queues')

var dataSender = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', appRoles.serviceBusDataSender)

resource namespace 'Microsoft.ServiceBus/namespaces@2026-01-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
    tier: sku
    capacity: sku == 'Premium' ? 1 : null
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: publicNetworkAccess
    premiumMessagingPartitions: sku == 'Premium' ? 1 : null
  }
}

resource topic 'Microsoft.ServiceBus/namespaces/topics@2026-01-01' = {
  parent: namespace
  name: topicConfiguration.Name
  properties: {
    // Can only be set when the topic is created.
    requiresDuplicateDetection: topicConfiguration.Properties.RequiresDuplicateDetection
    duplicateDetectionHistoryTimeWindow: topicConfiguration.Properties.DuplicateDetectionHistoryTimeWindow
    defaultMessageTimeToLive: topicConfiguration.Properties.DefaultMessageTimeToLive
    enableBatchedOperations: true
    supportOrdering: true
  }
}

resource senderIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: sender
}

resource senderRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(topic.id, senderIdentity.id, dataSender)
  scope: topic
  properties: {
    principalId: senderIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: dataSender
  }
}

// The namespace refuses a second change of a topic while one is under way.
@batchSize(1)
module subscriptions 'service-bus-subscription.bicep' = [
  for subscription in topicConfiguration.Subscriptions: {
    name: 'service-bus-subscription-${subscription.Name}'
    params: {
      namespaceName: namespace.name
      topicName: topic.name
      subscription: subscription
      receiver: receivers[subscription.Name]
    }
  }
]

// The namespace refuses a second change while one is under way.
@batchSize(1)
module queues 'service-bus-queue.bicep' = [
  for queue in queueConfigurations: {
    name: 'service-bus-queue-${queue.Name}'
    params: {
      namespaceName: namespace.name
      queue: queue
      senders: queueUsers[queue.Name].senders
      receivers: queueUsers[queue.Name].receivers
    }
  }
]

// The newest version that can be deployed for any resource is a preview.
#disable-next-line use-recent-api-versions
resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'log'
  scope: namespace
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    // Standard has no log of who sends and receives.
    logs: [
      for category in concat(['OperationalLogs'], sku == 'Premium' ? ['RuntimeAuditLogs', 'DiagnosticErrorLogs'] : []): {
        category: category
        enabled: true
      }
    ]
  }
}

output id string = namespace.id
output name string = namespace.name

@description('The host name, as in SERVICE_BUS_CONNECTION__fullyQualifiedNamespace.')
output fullyQualifiedNamespace string = split(split(namespace.properties.serviceBusEndpoint, '/')[2], ':')[0]
