// The ids of Azure's built-in roles that the templates give.

@export()
@description('The roles of the apps and the gateway. A pipeline may give these to identities, and no others.')
var appRoles = {
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  serviceBusDataReceiver: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
  serviceBusDataSender: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
}

@export()
@description('What else a developer gets in an environment for trying things out.')
var developerRoles = {
  keyVaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  serviceBusDataOwner: '090c5cfd-751d-490a-894a-3ce6f1109419'
}

@export()
@description('The roles of a pipeline on its resource group.')
var pipelineRoles = {
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c'
  roleBasedAccessControlAdministrator: 'f58310d9-a9f6-439a-9e8d-f62e7b41a168'
}
