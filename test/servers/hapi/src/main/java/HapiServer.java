import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.JpaSystemProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.subscription.match.config.SubscriptionProcessorConfig;
import ca.uhn.fhir.jpa.subscription.match.deliver.email.IEmailSender;
import ca.uhn.fhir.jpa.subscription.submit.config.SubscriptionSubmitterConfig;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Properties;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.hl7.fhir.dstu2.model.Subscription.SubscriptionChannelType;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * HAPI FHIR's own JPA server, R4 on H2, with HAPI's defaults wherever this file says nothing.
 *
 * <p>System properties: {@code port} (0 or none: any free one) and {@code dataDir} (none: in memory). Prints one line,
 * {@code READY http://127.0.0.1:PORT/fhir}, on standard output; errors go to standard error. It ends when standard
 * input does, so that it never outlives whoever started it.
 */
public final class HapiServer {

  public static void main(String[] args) {
    // All three are read when the classes that use them are loaded: before anything else.
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "error");
    System.setProperty("org.jboss.logging.provider", "slf4j");
    System.setProperty("jdk.net.hosts.file", "/dev/null"); // no name resolves: nothing can be fetched from outside

    try {
      serve();
      System.in.transferTo(OutputStream.nullOutputStream());
      System.exit(0);
    } catch (Exception error) {
      error.printStackTrace();
      System.exit(1); // threads that were started already would keep a dead server alive
    }
  }

  private static void serve() throws Exception {
    var beans = new AnnotationConfigApplicationContext(Storage.class);
    var server = new Server(new InetSocketAddress("127.0.0.1", Integer.getInteger("port", 0)));
    var servlets = new ServletContextHandler("/");
    servlets.addServlet(new ServletHolder(new Fhir(beans)), "/fhir/*");
    server.setHandler(servlets);
    server.setStopAtShutdown(true);
    beans.registerShutdownHook();

    server.start();
    var port = ((ServerConnector) server.getConnectors()[0]).getLocalPort();
    System.out.println("READY http://127.0.0.1:" + port + "/fhir");
  }

  /** The REST side: every R4 resource, transactions, history, and a CapabilityStatement that tells what is there. */
  private static final class Fhir extends RestfulServer {
    private final transient ApplicationContext beans;

    Fhir(ApplicationContext beans) {
      super(beans.getBean(FhirContext.class));
      this.beans = beans;
    }

    @Override
    protected void initialize() {
      registerProviders(beans.getBean("myResourceProvidersR4", ResourceProviderFactory.class).createProviders());
      registerProvider(beans.getBean(JpaSystemProvider.class));
      setPagingProvider(beans.getBean(DatabaseBackedPagingProvider.class));
      setDefaultResponseEncoding(EncodingEnum.JSON);
      setServerConformanceProvider(
          new JpaCapabilityStatementProvider(
              this,
              beans.getBean(IFhirSystemDao.class),
              beans.getBean(JpaStorageSettings.class),
              beans.getBean(ISearchParamRegistry.class),
              beans.getBean(IValidationSupport.class)));
    }
  }

  /**
   * The storage side. HAPI's beans want the batch part to be there; nothing starts a job. Subscriptions are delivered by
   * rest-hook, to whoever makes one.
   */
  @Configuration
  @Import({
    JpaR4Config.class,
    HapiJpaConfig.class,
    JpaBatch2Config.class,
    Batch2JobsConfig.class,
    SubscriptionChannelConfig.class,
    SubscriptionSubmitterConfig.class,
    SubscriptionProcessorConfig.class,
    ThreadPoolFactoryConfig.class
  })
  static class Storage {

    @Bean
    JpaStorageSettings storageSettings() {
      return new JpaStorageSettings();
    }

    @Bean
    PartitionSettings partitionSettings() {
      return new PartitionSettings();
    }

    @Bean
    SubscriptionSettings subscriptionSettings() {
      var settings = new SubscriptionSettings();
      settings.addSupportedSubscriptionType(SubscriptionChannelType.RESTHOOK);
      return settings;
    }

    /** The processor asks for one; no subscription by mail is admitted. */
    @Bean
    IEmailSender emailSender() {
      return details -> {
        throw new UnsupportedOperationException();
      };
    }

    @Bean(destroyMethod = "close")
    DataSource dataSource() {
      var dataDir = System.getProperty("dataDir");
      var source = new BasicDataSource();
      source.setUrl(
          dataDir == null
              ? "jdbc:h2:mem:hapi;DB_CLOSE_DELAY=-1"
              : "jdbc:h2:file:" + Path.of(dataDir, "hapi").toAbsolutePath());
      source.setMaxTotal(20);
      return source;
    }

    @Bean
    LocalContainerEntityManagerFactoryBean entityManagerFactory(
        ConfigurableListableBeanFactory beans, FhirContext fhir, JpaStorageSettings settings, DataSource source) {
      var factory = HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, settings);
      var hibernate = new Properties();
      hibernate.put("hibernate.dialect", HapiFhirH2Dialect.class.getName());
      hibernate.put("hibernate.hbm2ddl.auto", System.getProperty("dataDir") == null ? "create-only" : "update");
      hibernate.put("hibernate.search.enabled", "false"); // full text is not needed, and Lucene slows the start
      factory.setPersistenceUnitName("HAPI_PU");
      factory.setDataSource(source);
      factory.setJpaProperties(hibernate);
      return factory;
    }

    @Bean
    PlatformTransactionManager transactionManager(EntityManagerFactory factory) {
      return new JpaTransactionManager(factory);
    }
  }

  private HapiServer() {}
}
