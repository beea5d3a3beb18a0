// Gets or revokes a certificate with the newest lego, the library below its command.
package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/challenge/http01"
	"github.com/go-acme/lego/v5/challenge/tlsalpn01"
	"github.com/go-acme/lego/v5/lego"
	"github.com/go-acme/lego/v5/providers/dns/dnsupdate"
	"github.com/go-acme/lego/v5/registration"
)

var (
	directory = flag.String("directory", "", "URL of the ACME directory")
	account   = flag.String("account", "", "PEM file of the account's EC key")
	csr       = flag.String("csr", "", "PEM file of the certificate signing request")
	kind      = flag.String("challenge", "http-01", "http-01, tls-alpn-01, or dns-01 by RFC 2136, whose key is in the environment")
	port      = flag.String("port", "", "where to answer it on 127.0.0.1, or where the DNS server is")
	chain     = flag.String("chain", "", "file to write the chain to")
	revoke    = flag.String("revoke", "", "PEM file of a certificate to revoke; nothing else is done then")
	eabKid    = flag.String("eab-kid", "", "id of an external account key to bind the account to")
	eabKey    = flag.String("eab-key", "", "file with that key, in base64url")
	patience  = flag.Duration("patience", time.Minute, "how long to wait for the certificate")
)

type user struct {
	key          crypto.Signer
	registration *acme.ExtendedAccount
}

func (u *user) GetEmail() string                       { return "hostmaster@acme.example" }
func (u *user) GetRegistration() *acme.ExtendedAccount { return u.registration }
func (u *user) GetPrivateKey() crypto.Signer           { return u.key }

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

func register(ctx context.Context, client *lego.Client) (*acme.ExtendedAccount, error) {
	if *eabKid == "" {
		return client.Registration.Register(ctx, registration.RegisterOptions{TermsOfServiceAgreed: true})
	}
	key, err := os.ReadFile(*eabKey)
	if err != nil {
		return nil, err
	}
	return client.Registration.RegisterWithExternalAccountBinding(ctx, registration.RegisterEABOptions{
		TermsOfServiceAgreed: true, Kid: *eabKid, HmacEncoded: strings.TrimSpace(string(key))})
}

// connect is a client of the account, which exists afterwards.
func connect(ctx context.Context) (*lego.Client, error) {
	der, err := pemBlock(*account)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParseECPrivateKey(der)
	if err != nil {
		return nil, err
	}
	who := &user{key: key}
	config := lego.NewConfig(who)
	config.CADirURL = *directory
	config.Certificate.Timeout = *patience
	client, err := lego.NewClient(config)
	if err != nil {
		return nil, err
	}
	who.registration, err = register(ctx, client)
	return client, err
}

func prepare(client *lego.Client) error {
	switch *kind {
	case "tls-alpn-01":
		return client.Challenge.SetTLSALPN01Provider(tlsalpn01.NewProviderServer("127.0.0.1", *port))
	case "dns-01":
		options := dns01.NewOptions()
		options.RecursiveNameservers = []string{"127.0.0.1:" + *port}
		dns01.SetDefaultClient(dns01.NewClient(options))
		provider, err := dnsupdate.NewDNSProvider()
		if err != nil {
			return err
		}
		return client.Challenge.SetDNS01Provider(provider, dns01.PropagationWait(0, true))
	default:
		return client.Challenge.SetHTTP01Provider(http01.NewProviderServer("127.0.0.1", *port))
	}
}

func obtain(ctx context.Context, client *lego.Client) error {
	der, err := pemBlock(*csr)
	if err != nil {
		return err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	if err = prepare(client); err != nil {
		return err
	}
	got, err := client.Certificate.ObtainForCSR(ctx, certificate.ObtainForCSRRequest{CSR: request, Bundle: true})
	if err != nil {
		return err
	}
	return os.WriteFile(*chain, got.Certificate, 0o600)
}

func main() {
	flag.Parse()
	ctx := context.Background()
	client, err := connect(ctx)
	if err == nil && *revoke != "" {
		var text []byte
		if text, err = os.ReadFile(*revoke); err == nil {
			err = client.Certificate.Revoke(ctx, text)
		}
	} else if err == nil {
		err = obtain(ctx, client)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
