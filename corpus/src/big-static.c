/* C over several big static libraries: TLS client set-up, certificates, XML with encodings, SQL, compression. */
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xmlschemas.h>
#include <lzma.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unicode/ucnv.h>
#include <unicode/ucol.h>
#include <zlib.h>

static int row(void *data, int count, char **values, char **names)
{
	(void)data;
	for (int i = 0; i < count; i++)
		printf("%s=%s\n", names[i], values[i] ? values[i] : "NULL");
	return 0;
}

int main(int argc, char **argv)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_default_verify_paths(context);
	EVP_Digest("text", 4, digest, &length, EVP_sha256(), NULL);

	xmlDocPtr document = xmlReadFile(argc > 1 ? argv[1] : "/dev/null", NULL, 0);
	xmlXPathContextPtr xpath = xmlXPathNewContext(document);
	xmlXPathFreeObject(xmlXPathEvalExpression(BAD_CAST "//a[@b]", xpath));
	xmlSchemaFreeParserCtxt(xmlSchemaNewParserCtxt("schema.xsd"));

	sqlite3 *database;
	if (sqlite3_open(":memory:", &database) == SQLITE_OK)
		sqlite3_exec(database, "select sqlite_version(), 1 + 1", row, NULL, NULL);

	UErrorCode status = U_ZERO_ERROR;
	UCollator *collator = ucol_open("de", &status);
	UConverter *converter = ucnv_open("iso-8859-1", &status);
	ucol_close(collator);
	ucnv_close(converter);

	unsigned char packed[128];
	uLongf size = sizeof packed;
	compress2(packed, &size, digest, length, 9);
	lzma_stream stream = LZMA_STREAM_INIT;
	int result = lzma_stream_decoder(&stream, 1 << 26, 0);
	printf("%u %lu %d %s\n", length, size, result, ERR_error_string(ERR_get_error(), NULL));
	SSL_CTX_free(context);
	return 0;
}
