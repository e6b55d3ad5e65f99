module zakenak.dev/sandbox-node

go 1.24.0
