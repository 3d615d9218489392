import type { Modality } from './made-archive.ts'

export const FAMILIES = [
  'Müller',
  'García',
  'Nguyen',
  'Smith',
  'Ivanov',
  'Okafor',
  'Dubois',
  'Rossi',
  'Kim',
  'Hansen',
  'Silva',
  'Łukasiewicz',
  'Ångström',
  'Ñíguez',
  'Čapek',
  'Öztürk',
  'O’Brien',
  'Haddad',
  'Kowalski',
  'Nováková',
  'Jørgensen',
  'Schmidt',
  'Lefèvre',
  'Papadopoulos',
  'Yamada',
  'Chen',
  'Singh',
  'Goldberg',
  'van der Berg',
  'Andersson',
] as const
export const GIVEN = [
  'Anna',
  'José',
  'Linh',
  'John',
  'Olga',
  'Chidi',
  'Zoë',
  'Luca',
  'Min',
  'Åse',
  'Rui',
  'Jürgen',
  'Élodie',
  'Marek',
  'Fatima',
  'Søren',
  'Inês',
  'Ivan',
  'Mary',
  'Bjørn',
] as const

export interface Machine {
  readonly Manufacturer: string
  readonly ManufacturerModelName: string
}

const machine = (Manufacturer: string, ManufacturerModelName: string): Machine => ({
  Manufacturer,
  ManufacturerModelName,
})

export const MACHINES: Readonly<Record<Modality, readonly [Machine, ...Machine[]]>> = {
  CT: [
    machine('GE MEDICAL SYSTEMS', 'Revolution CT'),
    machine('Philips', 'Ingenuity CT'),
    machine('SIEMENS', 'SOMATOM Force'),
    machine('TOSHIBA', 'Aquilion ONE'),
  ],
  MR: [
    machine('SIEMENS', 'Skyra'),
    machine('Philips Healthcare', 'Ingenia'),
    machine('Philips', 'Achieva'),
    machine('GE MEDICAL SYSTEMS', 'SIGNA Premier'),
  ],
  PT: [machine('SIEMENS', 'Biograph'), machine('GE MEDICAL SYSTEMS', 'Discovery MI')],
  US: [machine('Philips Medical Systems', 'EPIQ 7'), machine('SAMSUNG', 'RS85')],
  DX: [machine('FUJIFILM', 'DX-D'), machine('Carestream', 'DRX')],
}

export const SOP_CLASSES: Readonly<Record<Modality, string>> = {
  CT: '1.2.840.10008.5.1.4.1.1.2',
  MR: '1.2.840.10008.5.1.4.1.1.4',
  PT: '1.2.840.10008.5.1.4.1.1.128',
  US: '1.2.840.10008.5.1.4.1.1.6.1',
  DX: '1.2.840.10008.5.1.4.1.1.1.1',
}

export const PARTS = ['CHEST', 'HEAD', 'ABDOMEN', 'KNEE', 'LSPINE', 'PELVIS'] as const
export const CREATORS = ['CONCORD BENCH 01', 'CONCORD BENCH 02', 'CONCORD BENCH 03'] as const
