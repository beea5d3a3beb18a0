# revoke.rb DIRECTORY ACCOUNT_KEY CERTIFICATE: revokes the first certificate of the file, by its account.
require 'acme-client'

directory, account_key, certificate = ARGV

client = Acme::Client.new(private_key: OpenSSL::PKey.read(File.read(account_key)), directory: directory)
client.revoke(certificate: OpenSSL::X509::Certificate.new(File.read(certificate)), reason: 4)
