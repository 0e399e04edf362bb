-- The responses of all batches: one row each, with the batch and the key of its request.
CREATE OR REPLACE VIEW gemhook.responses AS
SELECT
  REGEXP_EXTRACT(file, r'/batches/([^/]+)/') AS batch,
  REGEXP_EXTRACT(file, r'/dynamic/([^/]+)/') AS tenant,
  JSON_VALUE(response, '$.key') AS key,
  JSON_VALUE(response, '$.response.candidates[0].content.parts[0].text') AS text,
  JSON_VALUE(response, '$.error.message') AS error,
  response IS NULL AS is_malformed,
  response
FROM (
  SELECT _FILE_NAME AS file, SAFE.PARSE_JSON(line, wide_number_mode => 'round') AS response
  FROM gemhook.response_lines
)
