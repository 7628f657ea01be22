// What the prod environment needs from the subscription.

using './foundation.bicep'

import { prod } from 'sizes.bicep'

param environmentName = 'prod'
param location = readEnvironmentVariable('AZURE_LOCATION', 'koreacentral')
param size = prod
// Without a reason, a region outside Korea is refused: refusals.bicep
param foreignRegionReason = readEnvironmentVariable('FOREIGN_REGION_REASON', '')
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
param budgetStartDate = readEnvironmentVariable('BUDGET_START_DATE')
param pipelinePrincipalId = readEnvironmentVariable('PIPELINE_PRINCIPAL_ID', '')
