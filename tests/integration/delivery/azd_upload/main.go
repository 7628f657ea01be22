// Prints the files that azd uploads for a function app: azd_upload FOLDER. One path a line, relative, with slashes.
//
// It reads .funcignore with azd's own library, in azd's version, and asks it as azd does: with the absolute path of each
// folder and file, top down, and without looking into a folder that is ignored. Some names azd leaves out by itself.
// Source: Azure/azure-dev at ae35809f (2026-08-21), cli/azd: go.mod, pkg/project/project_utils.go, pkg/rzip/rzip.go.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/denormal/go-gitignore"
)

const ignoreFile = ".funcignore"

type upload struct {
	root     string
	patterns gitignore.GitIgnore
	out      *bufio.Writer
}

func main() {
	if len(os.Args) != 2 {
		exit(fmt.Errorf("usage: azd_upload FOLDER"))
	}
	root, err := filepath.Abs(os.Args[1])
	exit(err)
	text, err := os.ReadFile(filepath.Join(root, ignoreFile))
	exit(err)
	u := upload{root, gitignore.New(bytes.NewReader(text), root, nil), bufio.NewWriter(os.Stdout)}
	exit(u.list(root))
	exit(u.out.Flush())
}

func (u upload) list(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		found, err := os.Stat(path) // azd follows symbolic links
		if err != nil {
			return err
		}
		switch {
		case u.leavesOut(path, found.IsDir()):
		case found.IsDir():
			err = u.list(path)
		default:
			var relative string
			if relative, err = filepath.Rel(u.root, path); err == nil {
				_, err = fmt.Fprintln(u.out, filepath.ToSlash(relative))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (u upload) leavesOut(path string, isFolder bool) bool {
	switch name := filepath.Base(path); {
	case isFolder && name == ".azure":
		return true
	case !isFolder && (name == ignoreFile || name == "local.settings.json"):
		return true
	}
	match := u.patterns.Absolute(path, isFolder)
	return match != nil && match.Ignore()
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
