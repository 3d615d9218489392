import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport.IssueSeverity;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/**
 * HL7's own instance validator, as HAPI has it: structure, cardinality, data types, invariants, bindings and slices of the
 * base specification.
 *
 * <p>Reads lines {@code RELEASE JSON} from standard input, {@code R4} or {@code R5} and a resource. Prints
 * {@code FAULT n severity location: message} for each error in the nth line, from 1, and at the end {@code DONE n}.
 */
public final class HapiValidator {

  public static void main(String[] args) throws IOException {
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "error");
    System.setProperty("jdk.net.hosts.file", "/dev/null"); // no name resolves: nothing can be fetched from outside

    Map<String, FhirValidator> validators = new HashMap<>();
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var count = 0;
    for (var line = lines.readLine(); line != null; line = lines.readLine()) {
      count++;
      var space = line.indexOf(' ');
      var validator = validators.computeIfAbsent(line.substring(0, space), HapiValidator::validatorOf);
      for (var one : validator.validateWithResult(line.substring(space + 1)).getMessages()) {
        if (one.getSeverity().compareTo(ResultSeverityEnum.ERROR) < 0) continue;
        System.out.println(
            "FAULT " + count + " " + one.getSeverity().getCode() + " " + one.getLocationString() + ": "
                + one.getMessage().replace('\n', ' '));
      }
    }
    System.out.println("DONE " + count);
  }

  /** Codes of systems that are not here (DICOM, SNOMED CT) are taken as they are. */
  private static FhirValidator validatorOf(String release) {
    var fhir = release.equals("R5") ? FhirContext.forR5Cached() : FhirContext.forR4Cached();
    var unknown = new UnknownCodeSystemWarningValidationSupport(fhir);
    unknown.setNonExistentCodeSystemSeverity(IssueSeverity.WARNING);
    var instances =
        new FhirInstanceValidator(
            new ValidationSupportChain(
                new DefaultProfileValidationSupport(fhir),
                new CommonCodeSystemsTerminologyService(fhir),
                new InMemoryTerminologyServerValidationSupport(fhir),
                unknown));
    instances.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
    return fhir.newValidator().registerValidatorModule(instances);
  }

  private HapiValidator() {}
}
