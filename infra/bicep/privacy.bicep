// What only the operator knows of the privacy policy: docs/privacy-policy.md

@export()
@description('By the names of the settings, which are also those in the text of the policy.')
type Privacy = {
  @description('The registered name of the business that is responsible.')
  PRIVACY_OPERATOR_NAME: string

  @description('Its address.')
  PRIVACY_OPERATOR_ADDRESS: string

  @description('The privacy officer.')
  PRIVACY_OFFICER_NAME: string

  @description('The position of the privacy officer.')
  PRIVACY_OFFICER_TITLE: string

  @description('Who answers questions and requests.')
  PRIVACY_DEPARTMENT: string

  @description('Its telephone number, which the law requires.')
  PRIVACY_PHONE: string

  @description('Its address for mail.')
  PRIVACY_EMAIL: string

  @description('The company of the contract for Azure.')
  PRIVACY_HOSTING_PROCESSOR: string

  @description('The dealer that sends the KakaoTalk messages.')
  PRIVACY_MESSAGE_PROCESSOR: string

  @description('How long the dealer keeps what it sent.')
  PRIVACY_MESSAGE_RETENTION: string

  @description('How long answered questions are kept.')
  PRIVACY_INQUIRY_RETENTION: string
}

@export()
@description('For an environment without real customers. Nobody answers at this telephone number.')
var fictitious Privacy = {
  PRIVACY_OPERATOR_NAME: '시험용 사업자'
  PRIVACY_OPERATOR_ADDRESS: '시험용 주소'
  PRIVACY_OFFICER_NAME: '홍길동'
  PRIVACY_OFFICER_TITLE: '대표'
  PRIVACY_DEPARTMENT: '시험용 부서'
  PRIVACY_PHONE: '032-000-0000'
  PRIVACY_EMAIL: 'privacy@example.com'
  PRIVACY_HOSTING_PROCESSOR: '시험용 클라우드 사업자'
  PRIVACY_MESSAGE_PROCESSOR: '시험용 메시지 사업자'
  PRIVACY_MESSAGE_RETENTION: '발송한 날부터 90일'
  PRIVACY_INQUIRY_RETENTION: '1년'
}
