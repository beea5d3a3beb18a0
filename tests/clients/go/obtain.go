// Gets a certificate as cert-manager does: the same calls of golang.org/x/crypto/acme in the same order. The order's
// URL is kept, so that a run after an interrupted one goes on with that order, and sends its finalize once more.
package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

var (
	directory  = flag.String("directory", "", "URL of the ACME directory")
	account    = flag.String("account", "", "PEM file of the account's EC key")
	csr        = flag.String("csr", "", "PEM file of the certificate signing request")
	challenges = flag.String("challenges", "", "folder served as /.well-known/acme-challenge")
	orderFile  = flag.String("order", "", "file that keeps the order's URL while it is unfinished")
	chain      = flag.String("chain", "", "file to write the chain to")
	revoke     = flag.String("revoke", "", "PEM file of a certificate to revoke; nothing else is done then")
	eabKid     = flag.String("eab-kid", "", "id of an external account key to bind the account to")
	eabKey     = flag.String("eab-key", "", "file with that key, in base64url")
	patience   = flag.Duration("patience", time.Minute, "how long to wait")
)

func pemBlock(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New(path + " holds no PEM")
	}
	return block.Bytes, nil
}

func readKey(path string) (crypto.Signer, error) {
	der, err := pemBlock(path)
	if err != nil {
		return nil, err
	}
	return x509.ParseECPrivateKey(der)
}

// binding is the external account binding that the flags ask for, nil without one.
func binding() (*acme.ExternalAccountBinding, error) {
	if *eabKid == "" {
		return nil, nil
	}
	text, err := os.ReadFile(*eabKey)
	if err != nil {
		return nil, err
	}
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(text)))
	return &acme.ExternalAccountBinding{KID: *eabKid, Key: key}, err
}

// openOrder is the kept order, or a new one for the names of the request.
func openOrder(ctx context.Context, client *acme.Client, names []string) (*acme.Order, string, error) {
	if url, err := os.ReadFile(*orderFile); err == nil {
		order, err := client.GetOrder(ctx, string(url))
		return order, string(url), err
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(names...))
	if err != nil {
		return nil, "", err
	}
	return order, order.URI, os.WriteFile(*orderFile, []byte(order.URI), 0o600)
}

func accept(ctx context.Context, client *acme.Client, authorization *acme.Authorization) error {
	for _, challenge := range authorization.Challenges {
		if challenge.Type != "http-01" {
			continue
		}
		answer, err := client.HTTP01ChallengeResponse(challenge.Token)
		if err != nil {
			return err
		}
		if err = os.WriteFile(filepath.Join(*challenges, challenge.Token), []byte(answer), 0o644); err != nil {
			return err
		}
		if _, err = client.Accept(ctx, challenge); err != nil {
			return err
		}
		_, err = client.WaitAuthorization(ctx, authorization.URI)
		return err
	}
	return errors.New("no http-01 challenge for " + authorization.Identifier.Value)
}

func authorize(ctx context.Context, client *acme.Client, order *acme.Order) error {
	for _, url := range order.AuthzURLs {
		authorization, err := client.GetAuthorization(ctx, url)
		if err != nil {
			return err
		}
		if authorization.Status == acme.StatusValid {
			continue
		}
		if err = accept(ctx, client, authorization); err != nil {
			return err
		}
	}
	return nil
}

func writeChain(ders [][]byte) error {
	var text strings.Builder
	for _, der := range ders {
		if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return err
		}
	}
	return os.WriteFile(*chain, []byte(text.String()), 0o600)
}

func revokeLeaf(ctx context.Context) error {
	key, err := readKey(*account)
	if err != nil {
		return err
	}
	der, err := pemBlock(*revoke)
	if err != nil {
		return err
	}
	client := &acme.Client{Key: key, DirectoryURL: *directory, UserAgent: "acmegate-test"}
	return client.RevokeCert(ctx, nil, der, acme.CRLReasonSuperseded)
}

func obtain(ctx context.Context) error {
	key, err := readKey(*account)
	if err != nil {
		return err
	}
	der, err := pemBlock(*csr)
	if err != nil {
		return err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	client := &acme.Client{Key: key, DirectoryURL: *directory, UserAgent: "acmegate-test"}
	bound, err := binding()
	if err != nil {
		return err
	}
	if _, err = client.Register(ctx, &acme.Account{ExternalAccountBinding: bound}, acme.AcceptTOS); err != nil && err != acme.ErrAccountAlreadyExists {
		return fmt.Errorf("register: %w", err)
	}
	order, url, err := openOrder(ctx, client, request.DNSNames)
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	fmt.Println("order", url, order.Status)
	if order.Status == acme.StatusPending {
		if err = authorize(ctx, client, order); err != nil {
			return fmt.Errorf("authorize: %w", err)
		}
		if _, err = client.WaitOrder(ctx, url); err != nil {
			return fmt.Errorf("wait: %w", err)
		}
	}
	ders, _, err := client.CreateOrderCert(ctx, order.FinalizeURL, der, true)
	if err != nil {
		return fmt.Errorf("finalize: %w", err)
	}
	if err = writeChain(ders); err != nil {
		return err
	}
	return os.Remove(*orderFile)
}

func main() {
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), *patience)
	defer cancel()
	task := obtain
	if *revoke != "" {
		task = revokeLeaf
	}
	if err := task(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
