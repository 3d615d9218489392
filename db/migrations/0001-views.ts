/**
 * The GROUP BY over active instances that defines the levels. Rows of `patient`, `study` and `series` are these,
 * materialised in the transaction that changes an instance; verify compares the two.
 */
const groups = (concat: (column: string, from: string) => string): string[] => [
  `CREATE VIEW series_group AS
    SELECT i.series_id, count(*) AS n_instances, min(i.id) AS first_id
    FROM instance i WHERE i.state = 0 GROUP BY i.series_id`,
  `CREATE VIEW study_group AS
    SELECT e.study_id, count(*) AS n_instances, count(DISTINCT i.series_id) AS n_series, min(i.id) AS first_id,
      ${concat('i2.modality', 'instance i2')} AS modalities,
      ${concat('c.uid', 'instance i2 JOIN sop_class c ON c.id = i2.sop_class_id')} AS sop_classes
    FROM instance i JOIN series e ON e.id = i.series_id WHERE i.state = 0 GROUP BY e.study_id`,
  `CREATE VIEW patient_group AS
    SELECT i.patient_key, count(*) AS n_instances, count(DISTINCT e.study_id) AS n_studies, min(i.id) AS first_id
    FROM instance i JOIN series e ON e.id = i.series_id WHERE i.state = 0 GROUP BY i.patient_key`,
]

const distinctOfStudy = (column: string, from: string): string =>
  `SELECT DISTINCT ${column} AS v FROM ${from} JOIN series e2 ON e2.id = i2.series_id
        WHERE e2.study_id = e.study_id AND i2.state = 0 AND ${column} <> ''`

/**
 * The whole data set of every instance: the base with the patch laid over it attribute by attribute, where null takes an
 * attribute away. SQLite's json_patch would go into the attributes, PostgreSQL's `||` would keep the nulls.
 */
const instanceTags = (merged: string): string => `CREATE VIEW instance_tags AS
    SELECT i.id, s.study_uid, e.series_uid, i.sop_uid, i.state,
      CASE WHEN i.base_id IS NULL THEN i.patch ELSE (${merged}) END AS tags
    FROM instance i
    JOIN series e ON e.id = i.series_id
    JOIN study s ON s.id = e.study_id
    LEFT JOIN tag_base b ON b.id = i.base_id`

/**
 * PostgreSQL's JSON functions refuse what JSON allows (\u0000, half a surrogate pair), so there the lines are merged: a
 * base and a patch hold one attribute a line, `"00100010":{…}`, with a line feed and a comma between.
 */
const postgresLines = (json: string): string =>
  `unnest(string_to_array(nullif(substr(${json}, 2, length(${json}) - 2), ''), E'\\n,'))`

export const views = {
  sqlite: [
    ...groups(
      (column, from) => `coalesce((SELECT group_concat(d.v, '\\') FROM (
        ${distinctOfStudy(column, from)} ORDER BY 1) d), '')`,
    ),
    instanceTags(`SELECT json_group_object(m.tag, json(m.element)) FROM (
        SELECT x.key AS tag, x.value AS element FROM json_each(b.base) x
        WHERE json_type(i.patch, '$."' || x.key || '"') IS NULL
        UNION ALL SELECT y.key, y.value FROM json_each(i.patch) y WHERE y.type <> 'null'
        ORDER BY 1) m`),
  ],
  postgres: [
    ...groups(
      (column, from) => `coalesce((SELECT string_agg(d.v, '\\' ORDER BY d.v) FROM (
        ${distinctOfStudy(column, from)}) d), '')`,
    ),
    instanceTags(`SELECT '{' || coalesce(string_agg(m.line, E'\\n,' ORDER BY m.line), '') || '}' FROM (
        SELECT x.line FROM ${postgresLines('b.base')} AS x (line)
        WHERE NOT EXISTS (SELECT 1 FROM ${postgresLines('i.patch')} AS p (line) WHERE left(p.line, 11) = left(x.line, 11))
        UNION ALL SELECT y.line FROM ${postgresLines('i.patch')} AS y (line) WHERE substr(y.line, 12) <> 'null') m`),
  ],
}
