package rule

import (
	"regexp"
	"strings"
	"time"
)

const day = 24 * time.Hour

// upgrade are the rules of the section upgrade.
var upgrade = map[string]Rule{
	"release":   want(func(s string) bool { return isURL(s) || absolute(strings.TrimPrefix(s, "file://")) }, "a URL such as https://releases.example.org/proa, or an absolute path"),
	"interval":  want(lasts(10*time.Minute, 30*day), "a duration from 10m to 720h, such as 6h"),
	"jitter":    want(lasts(0, day), "a duration from 0s to 24h, such as 30m"),
	"window":    want(lasts(15*time.Minute, day), "a duration from 15m to 24h, such as 4h"),
	"bandwidth": want(regexp.MustCompile(`^[1-9][0-9]{0,8}[kM]?$`).MatchString, "bytes a second, such as 500k or 2M"),
	"weekday":   want(regexp.MustCompile(`^(mon|tue|wed|thu|fri|sat|sun)$`).MatchString, "one of mon, tue, wed, thu, fri, sat, sun"),
	"timeofday": want(regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`).MatchString, "a time of day such as 02:00"),
}
