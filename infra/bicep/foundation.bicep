// What needs rights on the subscription, and what a pipeline must not change: the resource group, its budget, its lock,
// and what the pipeline may do in it. A person deploys it, once and when it changes: docs/decisions/0017-who-may-deploy.md
//
//   make foundation ENV=dev

targetScope = 'subscription'

import { permittedLocation } from 'refusals.bicep'
import { Location, resourceGroupName, Size } from 'types.bicep'

@description('The name of the environment; part of the names of all resources.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('The region of all resources.')
param location Location = 'koreacentral'

@description('The size of the environment: sizes.bicep.')
param size Size

@description('Why an environment with real customers is outside Korea. It has no default: somebody has to say it.')
param foreignRegionReason string?

@description('The e-mail address that receives alerts.')
param operatorEmail string

@description('The start date of the budget: `python -m tools.delivery.budget ENVIRONMENT` prints it.')
@minLength(10)
@maxLength(10)
param budgetStartDate string

@description('The object id (not the client id) of the identity of the pipeline that deploys to the group; empty for none.')
param pipelinePrincipalId string = ''

resource resourceGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName(environmentName)
  location: permittedLocation(location, size, foreignRegionReason)
  tags: { 'azd-env-name': environmentName }
}

module budget 'modules/budget.bicep' = {
  name: 'budget'
  scope: resourceGroup
  params: {
    // Unlike the other names, it needs no unique part: it is only unique within its group.
    name: '${loadJsonContent('abbreviations.json').consumptionBudgets}${environmentName}'
    amount: size.monthlyBudget
    startDate: budgetStartDate
    operatorEmail: operatorEmail
  }
}

module pipelineAccess 'modules/pipeline-access.bicep' = if (!empty(pipelinePrincipalId)) {
  name: 'pipeline-access'
  scope: resourceGroup
  params: {
    principalId: pipelinePrincipalId
  }
}

module lock 'modules/lock.bicep' = if (size.locked) {
  name: 'lock'
  scope: resourceGroup
}

output AZURE_RESOURCE_GROUP string = resourceGroup.name
