/** What the engines call the same thing. */
export interface Types {
  /** A row's own number. */
  key: string
  /** A whole number of 64 bits: another row's number, milliseconds since 1970, a count. */
  ref: string
  /** Text that sorts by bytes. */
  text: string
  bytes: string
  real: string
  /** Table options: plain rows; rows kept in order of the primary key; rows whose counters change often. */
  rows: string
  clustered: string
  counted: string
}

/** Numbers that an attribute does not have sort first: below every IS (PS3.5 Table 6.2-1). */
const NO_NUMBER = '-2147483649'

/** PATIENT > STUDY > SERIES > INSTANCE: the instances own the tags, the levels above are their GROUP BY. */
function levels(t: Types): string[] {
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
    `CREATE INDEX study_date_ix ON study (study_date, study_uid)`,
    `CREATE INDEX study_patient_ix ON study (patient_id, study_date, study_uid)`,
    `CREATE INDEX study_name_ix ON study (patient_name, study_date, study_uid)`,
    `CREATE INDEX study_accession_ix ON study (accession_number, study_date, study_uid)`,
    `CREATE INDEX study_patient_key_ix ON study (patient_key)`,
    `CREATE TABLE patient_study (
      patient_key ${t.ref} NOT NULL REFERENCES patient (id),
      study_id ${t.ref} NOT NULL REFERENCES study (id),
      n_instances ${t.ref} NOT NULL,
      PRIMARY KEY (patient_key, study_id)
    ) ${t.clustered}`,
    `CREATE INDEX patient_study_ix ON patient_study (study_id)`,
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
    `CREATE INDEX series_number_ix ON series (study_id, number, series_uid)`,
    `CREATE INDEX series_uid_ix ON series (series_uid)`,
    `CREATE INDEX series_date_ix ON series (study_date, series_uid)`,
    `CREATE INDEX series_modality_ix ON series (modality, study_date, series_uid)`,
  ]
}

function instances(t: Types): string[] {
  return [
    `CREATE TABLE sop_class (id ${t.key}, uid ${t.text} NOT NULL UNIQUE) ${t.rows}`,
    `CREATE TABLE transfer_syntax (id ${t.key}, uid ${t.text} NOT NULL UNIQUE) ${t.rows}`,
    `CREATE TABLE blob (
      id ${t.key},
      store ${t.text} NOT NULL,
      key ${t.text} NOT NULL,
      version_id ${t.text},
      owned ${t.ref} NOT NULL DEFAULT 1,
      size ${t.ref} NOT NULL,
      sha256 ${t.bytes} NOT NULL,
      state ${t.ref} NOT NULL DEFAULT 0,
      UNIQUE (key, store)
    ) ${t.rows}`,
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

/** ANY TAG: dictionary of paths and values, postings to series; what differs within a level. */
function tagIndex(t: Types): string[] {
  return [
    `CREATE TABLE tag_path (id ${t.key}, path ${t.text} NOT NULL UNIQUE) ${t.rows}`,
    `CREATE TABLE tag_value (
      id ${t.key},
      path_id ${t.ref} NOT NULL,
      value ${t.text} NOT NULL,
      num ${t.real},
      UNIQUE (path_id, value)
    ) ${t.rows}`,
    `CREATE TABLE tag_post (
      value_id ${t.ref} NOT NULL,
      series_id ${t.ref} NOT NULL,
      PRIMARY KEY (value_id, series_id)
    ) ${t.clustered}`,
    `CREATE INDEX tag_post_series_ix ON tag_post (series_id, value_id)`,
    `CREATE TABLE level_value (
      level ${t.text} NOT NULL,
      attribute ${t.text} NOT NULL,
      value ${t.text} NOT NULL,
      entity ${t.ref} NOT NULL,
      n ${t.ref} NOT NULL,
      PRIMARY KEY (level, attribute, value, entity)
    ) ${t.clustered}`,
    `CREATE INDEX level_value_ix ON level_value (level, entity)`,
  ]
}

function fhir(t: Types): string[] {
  return [
    `CREATE TABLE outbox (
      study_id ${t.ref} NOT NULL PRIMARY KEY REFERENCES study (id),
      gen ${t.ref} NOT NULL,
      done_gen ${t.ref} NOT NULL DEFAULT 0,
      first_dirty_at ${t.ref} NOT NULL,
      due_at ${t.ref} NOT NULL,
      attempts ${t.ref} NOT NULL DEFAULT 0,
      hold_reason ${t.text},
      dead_since ${t.ref},
      last_error ${t.text},
      lease_token ${t.text},
      lease_until ${t.ref} NOT NULL DEFAULT 0
    ) ${t.counted}`,
    `CREATE INDEX outbox_due_ix ON outbox (due_at) WHERE gen > done_gen AND hold_reason IS NULL AND dead_since IS NULL`,
    `CREATE INDEX outbox_owed_ix ON outbox (first_dirty_at) WHERE gen > done_gen`,
    `CREATE TABLE fhir_link (
      kind ${t.text} NOT NULL,
      key ${t.text} NOT NULL,
      resource_type ${t.text} NOT NULL,
      id ${t.text} NOT NULL,
      version_id ${t.text},
      projection ${t.text},
      gen ${t.ref},
      flags ${t.text} NOT NULL DEFAULT '[]',
      PRIMARY KEY (kind, key)
    ) ${t.rows}`,
    `CREATE TABLE fhir_push (
      id ${t.text} NOT NULL PRIMARY KEY,
      study_uid ${t.text} NOT NULL,
      gen ${t.ref} NOT NULL,
      feed_from ${t.ref},
      feed_to ${t.ref},
      started_at ${t.ref} NOT NULL,
      ended_at ${t.ref},
      outcome ${t.text}
    ) ${t.rows}`,
    `CREATE INDEX fhir_push_study_ix ON fhir_push (study_uid, gen)`,
    `CREATE TABLE fhir_fact (name ${t.text} NOT NULL PRIMARY KEY, value ${t.text} NOT NULL) ${t.rows}`,
    `CREATE TABLE correction (
      id ${t.text} NOT NULL PRIMARY KEY,
      study_uid ${t.text} NOT NULL,
      ordinal ${t.ref} NOT NULL,
      from_projection ${t.text} NOT NULL,
      to_projection ${t.text} NOT NULL,
      state ${t.text} NOT NULL,
      proposed_at ${t.ref} NOT NULL,
      decided_at ${t.ref},
      decided_by ${t.text},
      done_at ${t.ref},
      detail ${t.text},
      UNIQUE (study_uid, ordinal)
    ) ${t.rows}`,
    `CREATE INDEX correction_state_ix ON correction (state, proposed_at)`,
    `CREATE TABLE lineage (
      instance_id ${t.ref} NOT NULL PRIMARY KEY REFERENCES instance (id),
      source_id ${t.ref} NOT NULL REFERENCES instance (id),
      correction_id ${t.text} NOT NULL
    ) ${t.rows}`,
    `CREATE INDEX lineage_source_ix ON lineage (source_id)`,
  ]
}

function ledgers(t: Types): string[] {
  return [
    `CREATE TABLE attention (
      id ${t.key},
      reason ${t.text} NOT NULL,
      study_uid ${t.text} NOT NULL DEFAULT '',
      sop_uid ${t.text} NOT NULL DEFAULT '',
      detail ${t.text} NOT NULL DEFAULT '{}',
      created_at ${t.ref} NOT NULL,
      resolved_at ${t.ref}
    ) ${t.rows}`,
    `CREATE UNIQUE INDEX attention_open_ix ON attention (reason, study_uid, sop_uid) WHERE resolved_at IS NULL`,
    `CREATE TABLE quarantine (
      id ${t.key},
      blob_id ${t.ref} NOT NULL,
      study_uid ${t.text} NOT NULL,
      series_uid ${t.text} NOT NULL,
      sop_uid ${t.text} NOT NULL,
      dataset_sha256 ${t.bytes} NOT NULL,
      kept_id ${t.ref} NOT NULL,
      reason ${t.text} NOT NULL,
      sender ${t.text},
      received_at ${t.ref} NOT NULL,
      decision ${t.text},
      decided_at ${t.ref}
    ) ${t.rows}`,
    `CREATE INDEX quarantine_sop_ix ON quarantine (sop_uid)`,
    `CREATE TABLE tombstone (
      sop_uid ${t.text} NOT NULL PRIMARY KEY,
      series_uid ${t.text} NOT NULL,
      study_uid ${t.text} NOT NULL,
      dataset_sha256 ${t.bytes} NOT NULL,
      deleted_at ${t.ref} NOT NULL,
      deleted_by ${t.text},
      reason ${t.text}
    ) ${t.clustered}`,
    `CREATE TABLE feed (
      id ${t.key},
      seq ${t.ref},
      at ${t.ref} NOT NULL,
      action ${t.ref} NOT NULL,
      instance_id ${t.ref} NOT NULL
    ) ${t.rows}`,
    `CREATE UNIQUE INDEX feed_seq_ix ON feed (seq) WHERE seq IS NOT NULL`,
    `CREATE INDEX feed_new_ix ON feed (id) WHERE seq IS NULL`,
    `CREATE TABLE audit (
      id ${t.key},
      seq ${t.ref},
      at ${t.ref} NOT NULL,
      actor ${t.text},
      action ${t.text} NOT NULL,
      instance_id ${t.ref},
      detail ${t.text},
      hash ${t.bytes}
    ) ${t.rows}`,
    `CREATE UNIQUE INDEX audit_seq_ix ON audit (seq) WHERE seq IS NOT NULL`,
    `CREATE INDEX audit_new_ix ON audit (id) WHERE seq IS NULL`,
    `CREATE TABLE ledger_head (
      name ${t.text} NOT NULL PRIMARY KEY,
      seq ${t.ref} NOT NULL,
      hash ${t.bytes}
    ) ${t.rows}`,
    `INSERT INTO ledger_head (name, seq, hash) VALUES ('feed', 0, NULL), ('audit', 0, NULL)`,
    `CREATE TABLE archive (id ${t.text} NOT NULL PRIMARY KEY, created_at ${t.ref} NOT NULL) ${t.rows}`,
    `CREATE TABLE archive_stat (
      writer ${t.ref} NOT NULL PRIMARY KEY,
      n_patients ${t.ref} NOT NULL,
      n_studies ${t.ref} NOT NULL,
      n_series ${t.ref} NOT NULL,
      n_instances ${t.ref} NOT NULL,
      n_bytes ${t.ref} NOT NULL
    ) ${t.counted}`,
  ]
}

export const tables = (t: Types): string[] => [
  ...levels(t),
  ...instances(t),
  ...tagIndex(t),
  ...fhir(t),
  ...ledgers(t),
]
