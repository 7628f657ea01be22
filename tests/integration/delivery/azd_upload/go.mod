module azd_upload

go 1.21

// azd's version. A later azd may have another: see the source that main.go names.
require github.com/denormal/go-gitignore v0.0.0-20180930084346-ae8ad1d07817

require github.com/danwakefield/fnmatch v0.0.0-20160403171240-cbb64ac3d964 // indirect
