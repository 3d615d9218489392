import type { Types } from './0001-types.ts'

/** Numbers that an attribute does not have sort first: below every IS (PS3.5 Table 6.2-1). */
const NO_NUMBER = '-2147483649'

/** PATIENT > STUDY > SERIES > INSTANCE: the instances own the tags, the levels above are their GROUP BY. */
function patientsAndStudies(t: Types): string[] {
  return [
    `CREATE TABLE patient (
      id ${t.key},
      issuer ${t.text} NOT NULL DEFAULT '',
      patient_id ${t.text} NOT NULL DEFAULT '',
      pseudo_study ${t.text} NOT NULL DEFAULT '',
      attributes ${t.text} NOT NULL,
      patient_name ${t.text} NOT NULL DEFAULT '',
      birth_date ${t.text} NOT NULL DEFAULT '',
      sex ${t.text} NOT NULL DEFAULT '',
      first_id ${t.ref},
      mixed ${t.ref} NOT NULL DEFAULT 0,
      n_studies ${t.ref} NOT NULL DEFAULT 0,
      n_instances ${t.ref} NOT NULL DEFAULT 0,
      UNIQUE (patient_id, issuer, pseudo_study)
    ) ${t.counted}`,
    `CREATE INDEX patient_name_ix ON patient (patient_name, patient_id)`,
    // Columns that do not say all (`level-tuples.ts`) are candidates for every key: few, and found at once.
    `CREATE INDEX patient_inexact_ix ON patient (id) WHERE mixed >= 2`,
    `CREATE TABLE study (
      id ${t.key},
      study_uid ${t.text} NOT NULL UNIQUE,
      patient_key ${t.ref} NOT NULL REFERENCES patient (id),
      attributes ${t.text} NOT NULL,
      patient_id ${t.text} NOT NULL DEFAULT '',
      issuer ${t.text} NOT NULL DEFAULT '',
      patient_name ${t.text} NOT NULL DEFAULT '',
      birth_date ${t.text} NOT NULL DEFAULT '',
      sex ${t.text} NOT NULL DEFAULT '',
      study_date ${t.text} NOT NULL DEFAULT '',
      study_time ${t.text} NOT NULL DEFAULT '',
      accession_number ${t.text} NOT NULL DEFAULT '',
      study_ident ${t.text} NOT NULL DEFAULT '',
      study_description ${t.text} NOT NULL DEFAULT '',
      referring_physician ${t.text} NOT NULL DEFAULT '',
      modalities ${t.text} NOT NULL DEFAULT '',
      sop_classes ${t.text} NOT NULL DEFAULT '',
      first_id ${t.ref},
      mixed ${t.ref} NOT NULL DEFAULT 0,
      n_series ${t.ref} NOT NULL DEFAULT 0,
      n_instances ${t.ref} NOT NULL DEFAULT 0,
      changed_at ${t.ref} NOT NULL DEFAULT 0
    ) ${t.counted}`,
    // Names are searched by their beginnings and middles: found on the way along the order of studies.
    `CREATE INDEX study_date_ix ON study (study_date, study_uid, patient_name)`,
    `CREATE INDEX study_patient_ix ON study (patient_id, study_date, study_uid)`,
    `CREATE INDEX study_name_ix ON study (patient_name, study_date, study_uid)`,
    `CREATE INDEX study_accession_ix ON study (accession_number, study_date, study_uid)`,
    `CREATE INDEX study_patient_key_ix ON study (patient_key)`,
    `CREATE INDEX study_inexact_ix ON study (id) WHERE mixed >= 2`,
    `CREATE TABLE patient_study (
      patient_key ${t.ref} NOT NULL REFERENCES patient (id),
      study_id ${t.ref} NOT NULL REFERENCES study (id),
      n_instances ${t.ref} NOT NULL,
      PRIMARY KEY (patient_key, study_id)
    ) ${t.clustered}`,
    `CREATE INDEX patient_study_ix ON patient_study (study_id)`,
  ]
}

function series(t: Types): string[] {
  return [
    `CREATE TABLE series (
      id ${t.key},
      study_id ${t.ref} NOT NULL REFERENCES study (id),
      series_uid ${t.text} NOT NULL,
      attributes ${t.text} NOT NULL,
      study_date ${t.text} NOT NULL DEFAULT '',
      modality ${t.text} NOT NULL DEFAULT '',
      number ${t.ref} NOT NULL DEFAULT ${NO_NUMBER},
      series_description ${t.text} NOT NULL DEFAULT '',
      body_part ${t.text} NOT NULL DEFAULT '',
      pps_start_date ${t.text} NOT NULL DEFAULT '',
      pps_start_time ${t.text} NOT NULL DEFAULT '',
      first_id ${t.ref},
      mixed ${t.ref} NOT NULL DEFAULT 0,
      n_instances ${t.ref} NOT NULL DEFAULT 0,
      n_hidden ${t.ref} NOT NULL DEFAULT 0,
      n_paths ${t.ref} NOT NULL DEFAULT 0,
      epoch ${t.ref} NOT NULL DEFAULT 0,
      UNIQUE (study_id, series_uid)
    ) ${t.counted}`,
    `CREATE INDEX series_inexact_ix ON series (id) WHERE mixed >= 2`,
    `CREATE INDEX series_hidden_ix ON series (study_id) WHERE n_hidden > 0`,
    `CREATE INDEX series_number_ix ON series (study_id, number, series_uid)`,
    `CREATE INDEX series_uid_ix ON series (series_uid)`,
    `CREATE INDEX series_date_ix ON series (study_date, series_uid)`,
    `CREATE INDEX series_modality_ix ON series (modality, study_date, series_uid)`,
  ]
}

function blobs(t: Types): string[] {
  return [
    `CREATE TABLE blob_store (id ${t.key}, name ${t.text} NOT NULL UNIQUE) ${t.rows}`,
    `CREATE TABLE blob (
      id ${t.key},
      store_id ${t.ref} NOT NULL,
      key ${t.text} NOT NULL,
      version_id ${t.text},
      owned ${t.ref} NOT NULL DEFAULT 1,
      size ${t.ref} NOT NULL,
      sha256 ${t.bytes} NOT NULL,
      state ${t.ref} NOT NULL DEFAULT 0,
      UNIQUE (key, store_id)
    ) ${t.rows}`,
  ]
}

function instances(t: Types): string[] {
  return [
    `CREATE TABLE sop_class (id ${t.key}, uid ${t.text} NOT NULL UNIQUE) ${t.rows}`,
    `CREATE TABLE transfer_syntax (id ${t.key}, uid ${t.text} NOT NULL UNIQUE) ${t.rows}`,
    ...blobs(t),
    `CREATE TABLE tag_base (
      id ${t.key},
      series_id ${t.ref} NOT NULL REFERENCES series (id),
      base ${t.text} NOT NULL
    ) ${t.rows}`,
    `CREATE INDEX tag_base_ix ON tag_base (series_id)`,
    `CREATE TABLE instance (
      id ${t.key},
      series_id ${t.ref} NOT NULL REFERENCES series (id),
      patient_key ${t.ref} NOT NULL,
      sop_uid ${t.text} NOT NULL,
      sop_class_id ${t.ref} NOT NULL,
      transfer_syntax_id ${t.ref} NOT NULL,
      state ${t.ref} NOT NULL DEFAULT 0,
      superseded_by ${t.ref},
      modality ${t.text} NOT NULL DEFAULT '',
      number ${t.ref} NOT NULL DEFAULT ${NO_NUMBER},
      n_rows ${t.ref},
      n_columns ${t.ref},
      n_frames ${t.ref},
      blob_id ${t.ref},
      size ${t.ref} NOT NULL,
      data_set_offset ${t.ref} NOT NULL,
      file_sha256 ${t.bytes} NOT NULL,
      dataset_sha256 ${t.bytes} NOT NULL,
      sender ${t.text},
      received_at ${t.ref} NOT NULL,
      damaged ${t.ref} NOT NULL DEFAULT 0,
      has_bulk ${t.ref} NOT NULL DEFAULT 0,
      oddities ${t.text},
      base_id ${t.ref},
      patch ${t.text},
      packed ${t.bytes}
    ) ${t.rows}`,
    `CREATE INDEX instance_number_ix ON instance (series_id, number)`,
    `CREATE INDEX instance_class_ix ON instance (sop_class_id)`,
    `CREATE TABLE sop (
      sop_uid ${t.text} NOT NULL PRIMARY KEY,
      instance_id ${t.ref} NOT NULL REFERENCES instance (id)
    ) ${t.clustered}`,
    `CREATE TABLE blob_extent (
      instance_id ${t.ref} NOT NULL REFERENCES instance (id),
      ordinal ${t.ref} NOT NULL,
      blob_id ${t.ref} NOT NULL,
      start ${t.ref} NOT NULL,
      length ${t.ref} NOT NULL,
      PRIMARY KEY (instance_id, ordinal)
    ) ${t.clustered}`,
    `CREATE INDEX blob_extent_ix ON blob_extent (blob_id)`,
    `CREATE TABLE pixel_map (
      instance_id ${t.ref} NOT NULL PRIMARY KEY REFERENCES instance (id),
      map ${t.bytes} NOT NULL
    ) ${t.rows}`,
  ]
}

export const levels = (t: Types): string[] => [...patientsAndStudies(t), ...series(t), ...instances(t)]
