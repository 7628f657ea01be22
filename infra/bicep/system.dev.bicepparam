// The dev environment. sizes.bicep has the reasons for its size.

using './system.bicep'

import { fictitious } from 'privacy.bicep'
import { dev } from 'sizes.bicep'

param environmentName = 'dev'
param location = readEnvironmentVariable('AZURE_LOCATION', 'koreacentral')
param size = dev
param authClientId = readEnvironmentVariable('AUTH_CLIENT_ID')
param access = readEnvironmentVariable('ACCESS', 'customers')
param sessionPublicKeys = readEnvironmentVariable('SESSION_PUBLIC_KEYS', '')
param privacy = fictitious
param kakaoLoginClientId = readEnvironmentVariable('KAKAO_LOGIN_CLIENT_ID', '')
param publicBaseUrl = readEnvironmentVariable('PUBLIC_BASE_URL', '')
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
