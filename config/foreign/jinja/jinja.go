// Package jinja has the mark that a rendered text has where a value is not known. It renders nothing yet.
package jinja

// Missing stands in a rendered text where a value is not known.
const Missing = "CI_MISSING_JINJA_VAR"
