package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"os"

	_ "github.com/lib/pq"
)

// connect returns the database of $DATABASE_URL; a connection is made when it is needed.
func connect() *sql.DB {
	database, err := sql.Open("postgres", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	return database
}

// execute runs statements in one transaction: all of them, or none.
func execute(ctx context.Context, statements []string) error {
	transaction, err := connect().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := transaction.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return transaction.Commit()
}

// query answers with the version and the first column of the first row that $QUERY finds.
func query() http.HandlerFunc {
	database := connect()
	return func(w http.ResponseWriter, r *http.Request) {
		var found string
		if err := database.QueryRowContext(r.Context(), os.Getenv("QUERY")).Scan(&found); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, version, found)
	}
}
