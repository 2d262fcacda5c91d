-- $title
--   Tenant:   $tenant
--   Setting:  $key
--   Copy of:  $source
-- The value is handled inside the database only: this script neither holds nor prints it.
-- It stops with an error, and nothing is changed, if
$stops
-- Safe to run twice: the second time it says "$done".
-- Afterwards restart the application, or wait for its next job: keys are read at the start.
