import type { Types } from './0001-types.ts'

/** ANY TAG: dictionary of paths and values, postings to series; what differs within a level. */
function tagIndex(t: Types): string[] {
  return [
    `CREATE TABLE tag_path (id ${t.key}, path ${t.text} NOT NULL UNIQUE) ${t.rows}`,
    `CREATE TABLE tag_value (
      id ${t.key},
      path_id ${t.ref} NOT NULL,
      value ${t.text} NOT NULL,
      UNIQUE (path_id, value)
    ) ${t.rows}`,
    `CREATE TABLE tag_post (
      value_id ${t.ref} NOT NULL,
      series_id ${t.ref} NOT NULL,
      PRIMARY KEY (value_id, series_id)
    ) ${t.clustered}`,
    `CREATE INDEX tag_post_series_ix ON tag_post (series_id, value_id)`,
    // Of the values that have no posting because the path varies in the series: numbers and times, or texts.
    `CREATE TABLE tag_range (
      path_id ${t.ref} NOT NULL,
      series_id ${t.ref} NOT NULL,
      low ${t.real},
      high ${t.real},
      low_text ${t.text},
      high_text ${t.text},
      PRIMARY KEY (path_id, series_id)
    ) ${t.clustered}`,
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
    `CREATE INDEX fhir_link_id_ix ON fhir_link (id, kind)`,
    `CREATE TABLE fhir_push (
      id ${t.text} NOT NULL PRIMARY KEY,
      study_uid ${t.text} NOT NULL,
      gen ${t.ref} NOT NULL,
      after_id ${t.ref},
      upto_id ${t.ref},
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
      lease_until ${t.ref} NOT NULL DEFAULT 0,
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
  ]
}

function archive(t: Types): string[] {
  return [
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

export const rest = (t: Types): string[] => [...tagIndex(t), ...fhir(t), ...ledgers(t), ...archive(t)]
