# Gets a certificate with ruby-acme-client, as its README does it.
# obtain.rb DIRECTORY ACCOUNT_KEY CSR CHALLENGE_FOLDER PATIENCE_SECONDS: prints the chain.
require 'acme-client'

directory, account_key, csr_path, challenges, patience = ARGV

def wait_while(patience, states, what)
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + patience
  while states.include?(what.status)
    abort("still #{what.status} after #{patience} s") if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
    sleep(0.25)
    what.reload
  end
  what
end

client = Acme::Client.new(private_key: OpenSSL::PKey.read(File.read(account_key)), directory: directory)
client.new_account(contact: 'mailto:hostmaster@acme.example', terms_of_service_agreed: true)

csr = OpenSSL::X509::Request.new(File.read(csr_path))
names = csr.to_text.scan(/DNS:([^,\s]+)/).flatten
order = client.new_order(identifiers: names)
order.authorizations.each do |authorization|
  next if authorization.status == 'valid'

  challenge = authorization.http
  File.write(File.join(challenges, challenge.token), challenge.file_content)
  challenge.request_validation
  wait_while(30, %w[pending processing], challenge)
end

wait_while(30, %w[pending], order)
order.finalize(csr: csr)
wait_while(patience.to_f, %w[processing], order)
puts order.certificate
