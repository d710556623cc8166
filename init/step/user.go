package step

import "errors"

// UserError is a failure of what the user's document asks for, not of the system: an interface that is not there, a module that no kernel
// has. It is reported, and nobody takes it for a reason to doubt the slot.
type UserError struct{ Err error }

func (e *UserError) Error() string { return e.Err.Error() }
func (e *UserError) Unwrap() error { return e.Err }

// User marks an error so. nil stays nil.
func User(err error) error {
	if err == nil {
		return nil
	}
	return &UserError{err}
}

// split sorts the errors that were joined into those of the system and those of the user's document.
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

// leaves are the errors that were joined into one.
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
