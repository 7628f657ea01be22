// What the identity of a pipeline may do: everything in this resource group, except for giving other roles than those
// that the apps need. docs/decisions/0017-who-may-deploy.md

import { appRoles, pipelineRoles } from '../roles.bicep'

@description('The object id of the identity.')
param principalId string

var roleIds = join(map(items(appRoles), role => role.value), ', ')

// The new assignment is in the request; the one to delete is the resource.
// https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples
var conditions = [
  for action in [
    { name: 'write', source: '@Request' }
    { name: 'delete', source: '@Resource' }
  ]: '((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/${action.name}\'})) OR (${action.source}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${roleIds}} AND ${action.source}[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {\'ServicePrincipal\'}))'
]

resource contributor 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, principalId, pipelineRoles.contributor)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', pipelineRoles.contributor)
  }
}

resource administrator 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, principalId, pipelineRoles.roleBasedAccessControlAdministrator)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      pipelineRoles.roleBasedAccessControlAdministrator
    )
    condition: join(conditions, ' AND ')
    conditionVersion: '2.0'
  }
}
