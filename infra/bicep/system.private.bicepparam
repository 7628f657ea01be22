// The prod environment behind private endpoints. sizes.bicep has the reasons for its size.

using './system.bicep'

import { prod } from 'sizes.bicep'

param environmentName = 'private'
param location = readEnvironmentVariable('AZURE_LOCATION', 'koreacentral')
param size = prod
param authClientId = readEnvironmentVariable('AUTH_CLIENT_ID')
param access = readEnvironmentVariable('ACCESS', 'customers')
param sessionPublicKeys = readEnvironmentVariable('SESSION_PUBLIC_KEYS', '')
// Without a reason, open access and a region outside Korea are refused: refusals.bicep
param openAccessReason = readEnvironmentVariable('OPEN_ACCESS_REASON', '')
param foreignRegionReason = readEnvironmentVariable('FOREIGN_REGION_REASON', '')
param privacy = {
  PRIVACY_OPERATOR_NAME: readEnvironmentVariable('PRIVACY_OPERATOR_NAME', '')
  PRIVACY_OPERATOR_ADDRESS: readEnvironmentVariable('PRIVACY_OPERATOR_ADDRESS', '')
  PRIVACY_OFFICER_NAME: readEnvironmentVariable('PRIVACY_OFFICER_NAME', '')
  PRIVACY_OFFICER_TITLE: readEnvironmentVariable('PRIVACY_OFFICER_TITLE', '')
  PRIVACY_DEPARTMENT: readEnvironmentVariable('PRIVACY_DEPARTMENT', '')
  PRIVACY_PHONE: readEnvironmentVariable('PRIVACY_PHONE', '')
  PRIVACY_EMAIL: readEnvironmentVariable('PRIVACY_EMAIL', '')
  PRIVACY_HOSTING_PROCESSOR: readEnvironmentVariable('PRIVACY_HOSTING_PROCESSOR', '')
  PRIVACY_MESSAGE_PROCESSOR: readEnvironmentVariable('PRIVACY_MESSAGE_PROCESSOR', '')
  PRIVACY_MESSAGE_RETENTION: readEnvironmentVariable('PRIVACY_MESSAGE_RETENTION', '')
  PRIVACY_INQUIRY_RETENTION: readEnvironmentVariable('PRIVACY_INQUIRY_RETENTION', '')
}
param kakaoLoginClientId = readEnvironmentVariable('KAKAO_LOGIN_CLIENT_ID', '')
param publicBaseUrl = readEnvironmentVariable('PUBLIC_BASE_URL', '')
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
param privateNetwork = true
