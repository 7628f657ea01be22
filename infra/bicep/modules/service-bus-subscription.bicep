// A subscription, its rules, and the identity that receives from it.

import { appRoles } from '../roles.bicep'

@description('A rule in the format of the local Service Bus.')
type Rule = {
  Name: string
  Properties: {
    FilterType: 'Correlation'
    CorrelationFilter: { Label: string }
  }
}

@description('A subscription in the format of the local Service Bus. Without rules it accepts every message.')
type Subscription = {
  Name: string
  Properties: {
    DeadLetteringOnMessageExpiration: bool
    DefaultMessageTimeToLive: string
    LockDuration: string
    MaxDeliveryCount: int
    RequiresSession: bool
  }
  Rules: Rule[]?
}

param namespaceName string
param topicName string
param subscription Subscription

@description('The identity that receives.')
param receiver string

// Not Data Owner: with it the platform could count messages and scale more precisely, but a compromised app could
// change the rules. Without it, the platform scales by how long messages have waited.
var dataReceiver = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', appRoles.serviceBusDataReceiver)

resource namespace 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = {
  name: namespaceName

  resource topic 'topics' existing = {
    name: topicName
  }
}

resource topicSubscription 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2026-01-01' = {
  parent: namespace::topic
  name: subscription.Name
  properties: {
    lockDuration: subscription.Properties.LockDuration
    maxDeliveryCount: subscription.Properties.MaxDeliveryCount
    defaultMessageTimeToLive: subscription.Properties.DefaultMessageTimeToLive
    deadLetteringOnMessageExpiration: subscription.Properties.DeadLetteringOnMessageExpiration
    deadLetteringOnFilterEvaluationExceptions: true
    requiresSession: subscription.Properties.RequiresSession
    enableBatchedOperations: true
  }
}

// A new subscription has a rule `$Default` that accepts everything, and every other rule would only add to it: our
// first rule replaces it.
@batchSize(1)
resource rules 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2026-01-01' = [
  for (rule, index) in subscription.?Rules ?? []: {
    parent: topicSubscription
    name: index == 0 ? '$Default' : rule.Name
    properties: {
      filterType: 'CorrelationFilter'
      correlationFilter: { label: rule.Properties.CorrelationFilter.Label }
    }
  }
]

resource receiverIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: receiver
}

resource receiverRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(topicSubscription.id, receiverIdentity.id, dataReceiver)
  // A role on the topic is not enough: the receiver opens its link on the subscription.
  scope: topicSubscription
  properties: {
    principalId: receiverIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: dataReceiver
  }
}
