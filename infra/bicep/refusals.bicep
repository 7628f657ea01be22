// What is refused before anything is deployed, by `az deployment` and by azd. Each message says what to do.

import { Privacy } from 'privacy.bicep'
import { Access, Size } from 'types.bicep'

var korea = ['koreacentral', 'koreasouth']

@export()
@description('Where real customers are: tokens, unless somebody says why everybody may call.')
func permittedAccess(access Access, size Size, reason string?) Access =>
  access == 'open' && size.realCustomers && empty(reason)
    ? fail('ACCESS is open, and this environment has real customers: everybody could see and cancel everybody. Deploy with ACCESS=customers, or say in OPEN_ACCESS_REASON why everybody may.')
    : access

@export()
@description('Where real customers are: Korea, unless somebody says why not.')
func permittedLocation(location string, size Size, reason string?) string =>
  size.realCustomers && !contains(korea, location) && empty(reason)
    ? fail('The region ${location} is outside Korea, where the privacy policy says that all data is. Deploy to ${join(korea, ' or ')}. Or say in FOREIGN_REGION_REASON why not, after a new version of the policy says so too: docs/privacy-policy.md.')
    : location

@export()
@description('Only public keys, and with ACCESS=customers at least one.')
func requiredPublicKeys(keys string, access Access) string =>
  contains(replace(keys, ' ', ''), '"d":') || contains(keys, 'PRIVATE KEY')
    ? fail('SESSION_PUBLIC_KEYS has a private key, which everybody could read now: make another. docs/operations.md#secrets')
    : access == 'customers' && !contains(keys, '"keys"')
        ? fail('SESSION_PUBLIC_KEYS is not set to a JWKS, without which no customer can be recognised: `python -m tools.sessions keys FILE` prints one. Or deploy an environment without real customers with ACCESS=open. docs/operations.md#secrets')
        : keys

@export()
@description('With ACCESS=customers, all of it: everybody consents to the policy, which contains it.')
func requiredPrivacy(privacy Privacy, access Access) { *: string } =>
  access == 'customers' && contains(map(items(privacy), detail => detail.value), '')
    ? fail('Not set, and part of the privacy policy: ${join(map(filter(items(privacy), detail => empty(detail.value)), detail => detail.key), ', ')}. docs/privacy-policy.md says what they are.')
    : privacy

@export()
@description('With ACCESS=customers, the app at Kakao at which they sign in.')
func requiredKakaoLogin(clientId string, access Access) string =>
  access == 'customers' && empty(clientId)
    ? fail('KAKAO_LOGIN_CLIENT_ID is not set, without which nobody can sign in to my page: it is the REST API key of your app at Kakao Developers. docs/kakao-login.md. Or deploy an environment without real customers with ACCESS=open.')
    : clientId

@export()
@description('A domain of your own, whose certificate the gateway can read.')
func permittedDomain(url string, privateNetwork bool) string =>
  empty(url)
    ? url
    : !startsWith(url, 'https://') || endsWith(url, '/') || contains(replace(url, 'https://', ''), '/')
        ? fail('PUBLIC_BASE_URL is no address of my page: it is https:// and a domain, without a path and a slash at the end. docs/custom-domain.md')
        : privateNetwork
            ? fail('PUBLIC_BASE_URL is set, but with privateNetwork the gateway cannot read the certificate of the domain: API Management (Consumption) reaches no private Key Vault. docs/custom-domain.md')
            : url
