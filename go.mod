module github.com/jcs-ct/jcs

go 1.26
