/**
 * What FHIR resources may look like, as far as Concord and its demo meet them: one line an element,
 * `name:Type` with `!` 1..1, `*` 0..*, `+` 1..*, and nothing for 0..1. `code(a|b)` is a required binding,
 * `Reference(A|B)` names the targets. `&Name` is a group of elements of its own (a BackboneElement).
 */
const DATATYPES = {
  Coding: 'system:uri version:string code:code display:string userSelected:boolean',
  CodeableConcept: 'coding:Coding* text:string',
  CodeableReference: 'concept:CodeableConcept reference:Reference(*)',
  Identifier:
    'use:code(usual|official|temp|secondary|old) type:CodeableConcept system:uri value:string period:Period assigner:Reference(Organization)',
  Period: 'start:dateTime end:dateTime',
  Reference: 'reference:string type:uri identifier:Identifier display:string',
  HumanName:
    'use:code(usual|official|temp|nickname|anonymous|old|maiden) text:string family:string given:string* prefix:string* suffix:string* period:Period',
  Meta: 'versionId:id lastUpdated:instant source:uri profile:uri* security:Coding* tag:Coding*',
  Narrative: 'status:code(generated|extensions|additional|empty)! div:string!',
  Annotation: 'authorReference:Reference(*) authorString:string time:dateTime text:string!',
  Attachment:
    'contentType:code language:code data:string url:uri size:unsignedInt hash:string title:string creation:dateTime',
  Address: 'use:code text:string line:string* city:string state:string postalCode:string country:string',
  ContactPoint: 'system:code value:string use:code rank:unsignedInt',
}

const DOMAIN = 'id:id meta:Meta implicitRules:uri language:code text:Narrative contained:any* '

const R4 = {
  ...DATATYPES,
  ImagingStudy:
    DOMAIN +
    'identifier:Identifier* status:code(registered|available|cancelled|entered-in-error|unknown)! modality:Coding* ' +
    'subject:Reference(Patient|Device|Group)! encounter:Reference(Encounter) started:dateTime ' +
    'basedOn:Reference(CarePlan|ServiceRequest|Appointment|AppointmentResponse|Task)* ' +
    'referrer:Reference(Practitioner|PractitionerRole) interpreter:Reference(Practitioner|PractitionerRole)* ' +
    'endpoint:Reference(Endpoint)* numberOfSeries:unsignedInt numberOfInstances:unsignedInt ' +
    'procedureReference:Reference(Procedure) procedureCode:CodeableConcept* location:Reference(Location) ' +
    'reasonCode:CodeableConcept* reasonReference:Reference(*)* note:Annotation* description:string series:&Series*',
  '&Series':
    'uid:id! number:unsignedInt modality:Coding! description:string numberOfInstances:unsignedInt ' +
    'endpoint:Reference(Endpoint)* bodySite:Coding laterality:Coding specimen:Reference(Specimen)* started:dateTime ' +
    'performer:&Performer* instance:&Instance*',
  '&Performer':
    'function:CodeableConcept actor:Reference(Practitioner|PractitionerRole|Organization|CareTeam|Patient|Device|RelatedPerson)!',
  '&Instance': 'uid:id! sopClass:Coding! number:unsignedInt title:string',
  Patient:
    DOMAIN +
    'identifier:Identifier* active:boolean name:HumanName* telecom:ContactPoint* gender:code(male|female|other|unknown) ' +
    'birthDate:date deceasedBoolean:boolean deceasedDateTime:dateTime address:Address* maritalStatus:CodeableConcept ' +
    'generalPractitioner:Reference(*)* managingOrganization:Reference(Organization) link:&PatientLink*',
  '&PatientLink': 'other:Reference(Patient|RelatedPerson)! type:code(replaced-by|replaces|refer|seealso)!',
  Endpoint:
    DOMAIN +
    'identifier:Identifier* status:code(active|suspended|error|off|entered-in-error|test)! connectionType:Coding! ' +
    'name:string managingOrganization:Reference(Organization) contact:ContactPoint* period:Period ' +
    'payloadType:CodeableConcept+ payloadMimeType:code* address:url! header:string*',
  Subscription:
    DOMAIN +
    'status:code(requested|active|error|off)! contact:ContactPoint* end:instant reason:string! criteria:string! ' +
    'error:string channel:&Channel!',
  '&Channel': 'type:code(rest-hook|websocket|email|sms|message)! endpoint:url payload:code header:string*',
  Provenance:
    DOMAIN +
    'target:Reference(*)+ occurredPeriod:Period occurredDateTime:dateTime recorded:instant! policy:uri* ' +
    'location:Reference(Location) reason:CodeableConcept* activity:CodeableConcept agent:&Agent+ entity:&Entity* signature:any*',
  '&Agent':
    'type:CodeableConcept role:CodeableConcept* ' +
    'who:Reference(Practitioner|PractitionerRole|RelatedPerson|Patient|Device|Organization)! ' +
    'onBehalfOf:Reference(Practitioner|PractitionerRole|RelatedPerson|Patient|Device|Organization)',
  '&Entity': 'role:code(derivation|revision|quotation|source|removal)! what:Reference(*)! agent:&Agent*',
  DocumentReference:
    DOMAIN +
    'masterIdentifier:Identifier identifier:Identifier* status:code(current|superseded|entered-in-error)! ' +
    'docStatus:code type:CodeableConcept category:CodeableConcept* subject:Reference(Patient|Practitioner|Group|Device) ' +
    'date:instant author:Reference(Practitioner|PractitionerRole|Organization|Device|Patient|RelatedPerson)* ' +
    'custodian:Reference(Organization) description:string securityLabel:CodeableConcept* content:&Content+',
  '&Content': 'attachment:Attachment! format:Coding',
  Device:
    DOMAIN +
    'identifier:Identifier* status:code(active|inactive|entered-in-error|unknown) manufacturer:string serialNumber:string ' +
    'deviceName:&DeviceName* modelNumber:string type:CodeableConcept version:&DeviceVersion* url:uri note:Annotation*',
  '&DeviceName':
    'name:string! type:code(udi-label-name|user-friendly-name|patient-reported-name|manufacturer-name|model-name|other)!',
  '&DeviceVersion': 'type:CodeableConcept component:Identifier value:string!',
}

const R5 = {
  ...R4,
  Attachment:
    'contentType:code language:code data:string url:uri size:integer64 hash:string title:string creation:dateTime',
  Provenance:
    DOMAIN +
    'target:Reference(*)+ occurredPeriod:Period occurredDateTime:dateTime recorded:instant policy:uri* ' +
    'location:Reference(Location) authorization:CodeableReference* activity:CodeableConcept basedOn:Reference(*)* ' +
    'patient:Reference(Patient) encounter:Reference(Encounter) agent:&Agent+ entity:&Entity* signature:any*',
  Subscription:
    DOMAIN +
    'identifier:Identifier* name:string status:code(requested|active|error|off|entered-in-error)! topic:uri! ' +
    'contact:ContactPoint* end:instant managingEntity:Reference(*) reason:string filterBy:any* channelType:Coding! ' +
    'endpoint:url parameter:&Parameter* heartbeatPeriod:unsignedInt timeout:unsignedInt contentType:code ' +
    'content:code(empty|id-only|full-resource) maxCount:unsignedInt',
  '&Parameter': 'name:string! value:string!',
  '&Entity': 'role:code(revision|quotation|source|instantiates|removal)! what:Reference(*)! agent:&Agent*',
  DocumentReference:
    DOMAIN +
    'identifier:Identifier* version:string status:code(current|superseded|entered-in-error)! docStatus:code ' +
    'type:CodeableConcept category:CodeableConcept* subject:Reference(*) date:instant author:Reference(*)* ' +
    'custodian:Reference(Organization) description:string securityLabel:CodeableConcept* content:&Content+',
  Device:
    DOMAIN +
    'identifier:Identifier* displayName:string status:code(active|inactive|entered-in-error) manufacturer:string ' +
    'serialNumber:string name:&DeviceName* modelNumber:string type:CodeableConcept* version:&DeviceVersion* url:uri',
  '&DeviceName':
    'value:string! type:code(registered-name|user-friendly-name|patient-reported-name)! display:boolean',
  ImagingStudy:
    DOMAIN +
    'identifier:Identifier* status:code(registered|available|cancelled|entered-in-error|unknown)! ' +
    'modality:CodeableConcept* subject:Reference(Patient|Device|Group)! encounter:Reference(Encounter) ' +
    'started:dateTime basedOn:Reference(CarePlan|ServiceRequest|Appointment|AppointmentResponse|Task)* ' +
    'partOf:Reference(Procedure)* referrer:Reference(Practitioner|PractitionerRole) endpoint:Reference(Endpoint)* ' +
    'numberOfSeries:unsignedInt numberOfInstances:unsignedInt procedure:CodeableReference* ' +
    'location:Reference(Location) reason:CodeableReference* note:Annotation* description:string series:&Series*',
  '&Series':
    'uid:id! number:unsignedInt modality:CodeableConcept! description:string numberOfInstances:unsignedInt ' +
    'endpoint:Reference(Endpoint)* bodySite:CodeableReference laterality:CodeableConcept ' +
    'specimen:Reference(Specimen)* started:dateTime performer:&Performer* instance:&Instance*',
  Endpoint:
    DOMAIN +
    'identifier:Identifier* status:code(active|limited|suspended|error|off|entered-in-error|test)! ' +
    'connectionType:CodeableConcept+ name:string description:string environmentType:CodeableConcept* ' +
    'managingOrganization:Reference(Organization) contact:ContactPoint* period:Period payload:&Payload* ' +
    'address:url! header:string*',
  '&Payload': 'type:CodeableConcept* mimeType:code* profileCanonical:uri*',
}

export interface ElementRule {
  readonly type: string
  /** Codes or reference targets that are admitted; empty: any. */
  readonly allowed: readonly string[]
  readonly isList: boolean
  readonly isRequired: boolean
}
export type TypeRule = ReadonlyMap<string, ElementRule>

function readRules(table: Readonly<Record<string, string>>): ReadonlyMap<string, TypeRule> {
  return new Map(
    Object.entries(table).map(([name, elements]) => [name, new Map(elements.split(' ').map(readElement))]),
  )
}

function readElement(text: string): [string, ElementRule] {
  const [, name = '', type = '', allowed = '', mark = ''] =
    /^(\w+):(&?\w+)(?:\(([^)]*)\))?([!*+]?)$/u.exec(text) ?? []
  if (name === '') throw new TypeError(`no element rule: ${text}`)
  const isList = mark === '*' || mark === '+'
  const isRequired = mark === '!' || mark === '+'
  return [
    name,
    { type, allowed: allowed === '' || allowed === '*' ? [] : allowed.split('|'), isList, isRequired },
  ]
}

/** Rules by type name, for R4 (and R4B) and R5. Types that are not here are held to the rules of JSON alone. */
export const RULES = { R4: readRules(R4), R5: readRules(R5) }
