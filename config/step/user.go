package step

import "errors"

// UserError is an error in the user's configuration and not of the system: an interface that does not exist, an unknown
// module. It is reported and does not count against the slot.
type UserError struct{ Err error }

func (e *UserError) Error() string { return e.Err.Error() }
func (e *UserError) Unwrap() error { return e.Err }

// User wraps an error as a UserError; nil stays nil.
func User(err error) error {
	if err == nil {
		return nil
	}
	return &UserError{err}
}

// split separates joined errors into those of the system and UserErrors.
func split(err error) (system error, user []error) {
	var u *UserError
	if err == nil {
		return nil, nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, e := range joined.Unwrap() {
			s, more := split(e)
			rest, user = append(rest, s), append(user, more...)
		}
		return errors.Join(rest...), user
	}
	if errors.As(err, &u) {
		return nil, leaves(u.Err)
	}
	return err, nil
}

func system(err error) bool { own, _ := split(err); return own != nil }

// leaves returns the errors that were joined.
func leaves(err error) (out []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		out = append(out, leaves(e)...)
	}
	return out
}
